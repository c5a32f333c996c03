-- Writes or deletes a setting. ARGV: now, channel, field, "1" to write, value.
local function set()
    local field, value = ARGV[3], ARGV[4] == '1' and ARGV[5] or nil
    if sub(field, 1, 2) == 'L:' then
        -- Another rate begins anew.
        local before = call('HGET', CFG, field)
        local rate = before and string.match(before, ',(.*)$')
        if not value or string.match(value, ',(.*)$') ~= rate then call('HDEL', X, 't:' .. sub(field, 3)) end
    end
    if value then call('HSET', CFG, field, value) else call('HDEL', CFG, field) end
    ready = true
    announce()
    return 1
end
