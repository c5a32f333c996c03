-- Deletes records of tasks that ended. ARGV: now, channel, age in ms, how many at most. Answers how many.
local function forget()
    local by, most, gone = now - tonumber(ARGV[3]), tonumber(ARGV[4]), 0
    local groups = call('EXISTS', DEP) == 1
    while gone < most do
        local batch = call('LINDEX', FIN, 0)
        if not batch or unpk('>I6', batch) > by then break end
        local ids = cmsgpack.unpack(sub(batch, 7))
        local n = math.min(#ids, most - gone)
        gone = gone + call('HDEL', BODY, unpack(ids, 1, n))
        if groups then
            for i = 1, n do call('HDEL', DEP, 'g' .. ids[i]) end
        end
        if n == #ids then
            call('LPOP', FIN)
        else
            call('LSET', FIN, 0, sub(batch, 1, 6) .. cmsgpack.pack({unpack(ids, n + 1)}))
        end
    end
    for _, id in ipairs(call('ZRANGEBYSCORE', DEADZ, '-inf', by, 'LIMIT', 0, most - gone)) do
        rules.erase_dead(id)
        gone = gone + 1
    end
    return gone
end
