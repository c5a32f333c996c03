-- Writes what running tasks leave behind. ARGV: now, channel, worker, then of each note: id, token, which ("c", "p" or
-- "cp"), checkpoint, progress. Answers the ids that are lost.
local function note()
    local worker, lost = ARGV[3], {}
    for at = 4, #ARGV, 5 do
        local id, prefix, which = ARGV[at], ARGV[at + 1] .. worker, ARGV[at + 2]
        local hold = call('HGET', INF, id)
        if not hold or sub(hold, 1, #prefix) ~= prefix then
            lost[#lost + 1] = id
        else
            if string.find(which, 'c', 1, true) then call('HSET', NOTE, 'c' .. id, ARGV[at + 3]) end
            if string.find(which, 'p', 1, true) then
                call('HSET', NOTE, 'p' .. id, ARGV[at + 4])
                shown[#shown + 1] = id
            end
        end
    end
    announce()
    return lost
end
