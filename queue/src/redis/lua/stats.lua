-- Counts tasks. ARGV: now, channel. Answers for each priority: ready, delayed, blocked, leased, dead, oldest or -1.
local function stats()
    local r = rules
    r.promote_all()
    local leased = {[0] = 0, 0, 0}
    r.each(INF, function(id)
        local b = call('HGET', BODY, id)
        local p = b and byte(b, 23)
        if p and leased[p] then leased[p] = leased[p] + 1 end
    end)
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
