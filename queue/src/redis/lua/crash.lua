-- Counts crashes of code. ARGV: now, channel, codes, one for each crash. Answers those that are to be quarantined.
local function crash()
    local after = call('HGET', CFG, 'quarantine-after') or '5'
    local answers = {}
    for at = 3, #ARGV do
        local crashes = call('HINCRBY', X, 'c:' .. ARGV[at], 1)
        if after ~= 'never' and crashes >= tonumber(after) then answers[#answers + 1] = ARGV[at] end
    end
    return answers
end
