-- Counts tasks. ARGV: now, channel. Answers for each priority: ready, delayed, blocked, leased, dead, oldest or -1.
local function stats()
    local r = rules
    for _ = 1, 20 do
        if r.promote(500) < 500 then break end
    end
    local leased = {[0] = 0, 0, 0}
    local cursor = '0'
    repeat
        local page = call('HSCAN', INF, cursor, 'COUNT', 1000)
        cursor = page[1]
        for i = 1, #page[2], 2 do
            local b = call('HGET', BODY, page[2][i])
            local p = page[2][i] ~= '' and b and byte(b, 23)
            if p and leased[p] then leased[p] = leased[p] + 1 end
        end
    until cursor == '0'
    local answer = {}
    for p = 0, 2 do
        local extra = call('HMGET', X, 'd' .. p, 'b' .. p, 'k' .. p)
        answer[p + 1] = {
            r.ready_count(p), tonumber(extra[1]) or 0, tonumber(extra[2]) or 0, leased[p], tonumber(extra[3]) or 0,
            r.oldest(p) or -1
        }
    end
    return answer
end
