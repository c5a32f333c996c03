-- Tells where tasks stand. ARGV: now, channel, ids. Answers for each: "" if unknown, or a letter and what belongs to it.
local function lookup()
    local answers = {}
    for i = 3, #ARGV do
        local id = ARGV[i]
        local b = call('HGET', BODY, id)
        if not b then
            answers[#answers + 1] = {''}
        elseif byte(b, 21) == DONE then
            answers[#answers + 1] = {'d', b}
        else
            local death, hold = call('HGET', DEAD, id), call('HGET', INF, id)
            local left = not death and not hold and call('HGET', DEP, 'b' .. id)
            if death then
                answers[#answers + 1] = {'x', death}
            elseif hold then
                answers[#answers + 1] = {'l', hold, call('HGET', NOTE, 'p' .. id) or '', call('HEXISTS', NOTE, 'p' .. id)}
            elseif left then
                answers[#answers + 1] = {'b', left}
            else
                answers[#answers + 1] = {'w', sub(b, 7, 12)}
            end
        end
    end
    return answers
end
