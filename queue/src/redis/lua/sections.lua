-- Shows or deletes the tasks of a section. ARGV: now, channel, "peek" or "purge", section, how many at most. Shows id,
-- record, and the hold or the death; answers the number of those deleted.
local r = rule()
local purge, section, most = ARGV[3] == 'purge', ARGV[4], tonumber(ARGV[5])
for _ = 1, 20 do
    if r.promote(500) < 500 then break end
end

local ids = {}
local function from_fields(key, prefix)
    local cursor = '0'
    repeat
        local page = call('HSCAN', key, cursor, 'COUNT', 1000)
        cursor = page[1]
        for i = 1, #page[2], 2 do
            local field = page[2][i]
            if #ids < most and sub(field, 1, #prefix) == prefix then ids[#ids + 1] = sub(field, #prefix + 1) end
        end
    until cursor == '0' or #ids >= most
end

if section == 'ready' then
    for p = 0, 2 do
        local found = {}
        for from = 0, 100000, 1000 do
            local part = call('LRANGE', R[p], from, from + 999)
            for _, id in ipairs(part) do found[#found + 1] = id end
            if #part == 0 or #found >= most then break end
        end
        for _, place in ipairs(call('ZRANGE', Q, 0, -1)) do
            if byte(place, 2 + byte(place, 2) + 1) == p then found[#found + 1] = r.id_of(place) end
        end
        for _, id in ipairs(found) do
            local b = #ids < most and call('HGET', BODY, id)
            if b and not r.flag(b, GONE) then ids[#ids + 1] = id end
        end
    end
elseif section == 'delayed' then
    for _, member in ipairs(call('ZRANGE', S, 0, most - 1)) do ids[#ids + 1] = sub(member, 2) end
elseif section == 'blocked' then
    from_fields(DEP, 'b')
elseif section == 'leased' then
    from_fields(INF, '')
else
    ids = call('ZREVRANGE', DEADZ, 0, most - 1)
end

if purge and section == 'ready' then
    local deleted = 0
    for p = 0, 2 do
        while deleted < most do
            local popped = call('LPOP', R[p], most - deleted)
            if not popped or #popped == 0 then break end
            for _, id in ipairs(popped) do
                local b = call('HGET', BODY, id)
                if b and not r.flag(b, GONE) and call('HEXISTS', INF, id) == 0 then
                    r.die(id, b, 3, 'deleted')
                    r.follow()
                    r.erase_dead(id)
                    deleted = deleted + 1
                else
                    call('HINCRBY', X, 'g' .. p, -1)
                end
            end
        end
    end
    if deleted == most then
        announce()
        return deleted
    end
    most = most - deleted
    ids = {}
    for _, place in ipairs(call('ZRANGE', Q, 0, most - 1)) do ids[#ids + 1] = r.id_of(place) end
    for _, id in ipairs(ids) do
        local b = r.withdraw(id, call('HGET', BODY, id))
        r.die(id, b, 3, 'deleted')
        r.follow()
        r.erase_dead(id)
    end
    announce()
    return deleted + #ids
end

if not purge then
    local answers = {}
    for _, id in ipairs(ids) do
        local b = call('HGET', BODY, id)
        if b then answers[#answers + 1] = {id, b, call('HGET', INF, id) or '', call('HGET', DEAD, id) or ''} end
    end
    return answers
end
for _, id in ipairs(ids) do
    local b = call('HGET', BODY, id)
    if b then
        if section ~= 'dead' then
            b = r.withdraw(id, b)
            r.die(id, b, 3, 'deleted')
            r.follow()
        end
        r.erase_dead(id)
    end
end
announce()
return #ids
