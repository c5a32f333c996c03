-- Cancels tasks. ARGV: now, channel, ids. Answers a letter for each: waiting, running, finished, unknown.
local function cancel()
    local r, answers = rules, {}
    for i = 3, #ARGV do
        local id = ARGV[i]
        local b = call('HGET', BODY, id)
        local hold = b and call('HGET', INF, id)
        if not b then
            answers[#answers + 1] = 'u'
        elseif not r.waits(b) then
            answers[#answers + 1] = 'f'
        else
            if hold then
                local e = r.ext(b)
                call('HDEL', INF, id)
                r.let_go((r.hold(hold)), id, e)
                answers[#answers + 1] = 'r'
            else
                b = r.withdraw(id, b)
                answers[#answers + 1] = 'w'
            end
            r.die(id, b, 3, 'cancelled')
        end
    end
    r.follow()
    announce()
    return concat(answers)
end
