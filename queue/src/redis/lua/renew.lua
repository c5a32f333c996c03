-- Prolongs leases. ARGV: now, channel, worker, lease in ms, then groups as in `step`: token, count, ids. Answers the ids
-- that are lost.
local function renew()
    local worker, until_, at = ARGV[3], now + tonumber(ARGV[4]), 5
    local lost, renewed = {}, 0
    while ARGV[at] do
        local prefix, n = ARGV[at] .. worker, tonumber(ARGV[at + 1])
        local ids = {unpack(ARGV, at + 2, at + 1 + n)}
        at = at + 2 + n
        local holds, set = call('HMGET', INF, unpack(ids)), {}
        for i = 1, n do
            local hold = holds[i]
            if hold and sub(hold, 1, #prefix) == prefix then
                set[#set + 1] = ids[i]
                set[#set + 1] = prefix .. sub(hold, #prefix + 1, -8) .. pack('>I6', until_) .. sub(hold, -1)
            else
                lost[#lost + 1] = ids[i]
            end
        end
        if #set > 0 then call('HSET', INF, unpack(set)) end
        renewed = renewed + #set / 2
    end
    -- The worker's place in `w` is the end of its first lease, or earlier. It moves only when every lease has moved, so that
    -- one whose delivery never arrived is found when it ends.
    if renewed > 0 and renewed >= (tonumber(call('HGET', X, 'n:' .. worker)) or 0) then
        call('ZADD', W, 'XX', until_, worker)
    end
    return lost
end
