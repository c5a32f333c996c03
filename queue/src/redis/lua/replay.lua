-- Makes dead tasks ready again. ARGV: now, channel, ids. Answers "1" for each that was dead.
local function replay()
    local r, answers = rules, {}
    for i = 3, #ARGV do
        local id = ARGV[i]
        local b = call('HGET', BODY, id)
        if b and byte(b, 21) == FORMAT and call('HDEL', DEAD, id) == 1 then
            call('ZREM', DEADZ, id)
            call('HINCRBY', X, 'k' .. r.priority(b), -1)
            b = r.stamped(r.without_flag(b, GONE), now, 0, 0)
            local e = r.ext(b)
            if e then
                -- Its deadline was for the first time.
                b = sub(b, 1, e.ends - 20) .. pack('>I6', 0) .. sub(b, e.ends - 13)
            end
            if r.flag(b, MARKER) then
                r.mark(id)
                r.done(id, e)
                r.follow()
            else
                r.wait(id, b, now)
            end
            answers[#answers + 1] = '1'
        else
            answers[#answers + 1] = '0'
        end
    end
    announce()
    return concat(answers)
end
