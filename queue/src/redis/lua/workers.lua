-- Lists workers that hold leases. ARGV: now, channel. Answers name, how many, the end of the first lease.
local answers = {}
local list = call('ZRANGE', W, 0, -1, 'WITHSCORES')
for i = 1, #list, 2 do
    local held = tonumber(call('HGET', X, 'n:' .. list[i])) or 0
    if held > 0 then answers[#answers + 1] = {list[i], held, tonumber(list[i + 1])} end
end
return answers
