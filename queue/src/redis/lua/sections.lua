-- Shows or deletes the tasks of a section. ARGV: now, channel, "peek" or "purge", section, how many at most. Shows id,
-- record, and the hold or the death; answers the number of those deleted.
local function sections()
    local r = rules
    local purge, section, most = ARGV[3] == 'purge', ARGV[4], tonumber(ARGV[5])
    for _ = 1, 20 do
        if r.promote(500) < 500 then break end
    end

    local ids = {}
    -- The ids among the fields of a hash, in the order of what `rank` says of id and value.
    local function from_fields(key, prefix, rank)
        local cursor, found = '0', {}
        repeat
            local page = call('HSCAN', key, cursor, 'COUNT', 1000)
            cursor = page[1]
            for i = 1, #page[2], 2 do
                local field = page[2][i]
                if #field > #prefix and sub(field, 1, #prefix) == prefix then
                    local id = sub(field, #prefix + 1)
                    found[#found + 1] = {id, rank(id, page[2][i + 1])}
                end
            end
        until cursor == '0'
        table.sort(found, function(one, other) return one[2] < other[2] end)
        for i = 1, math.min(#found, most) do ids[i] = found[i][1] end
    end

    if section == 'ready' then
        for p = 0, 2 do
            -- By the time of readiness; a list is in that order by itself.
            local found = {}
            for from = 0, 100000, 1000 do
                local part = call('LRANGE', R[p], from, from + 999)
                for _, id in ipairs(part) do
                    local b = #found < most and call('HGET', BODY, id)
                    if b and r.waits(b) then
                        found[#found + 1] = {id, sub(b, 7, 12) .. pack('>I6', #found)}
                    end
                end
                if #part == 0 or #found >= most then break end
            end
            for _, place in ipairs(call('ZRANGE', Q, 0, -1)) do
                if byte(place, 2 + byte(place, 2) + 1) == p then
                    local id = r.id_of(place)
                    -- Behind what a list holds of the same moment.
                    found[#found + 1] = {id, sub(place, -12 - #id, -7 - #id) .. '\255' .. sub(place, -6 - #id)}
                end
            end
            table.sort(found, function(one, other) return one[2] < other[2] end)
            for _, one in ipairs(found) do
                if #ids < most then ids[#ids + 1] = one[1] end
            end
        end
    elseif section == 'delayed' then
        for _, member in ipairs(call('ZRANGE', S, 0, most - 1)) do ids[#ids + 1] = sub(member, 2) end
    elseif section == 'blocked' then
        from_fields(DEP, 'b', function(id) return unpk('>I6', call('HGET', BODY, id), 32) end)
    elseif section == 'leased' then
        from_fields(INF, '', function(_, hold)
            local _, ends = r.hold(hold)
            return ends
        end)
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
                    if b and r.waits(b) and call('HEXISTS', INF, id) == 0 then
                        r.die(id, b, 8, '')
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
            r.die(id, b, 8, '')
            r.follow()
            r.erase_dead(id)
        end
        announce()
        return deleted + #ids
    end

    if not purge then
        local answers = {}
        for _, id in ipairs(ids) do
            local b = id ~= '' and call('HGET', BODY, id)
            if b then answers[#answers + 1] = {id, b, call('HGET', INF, id) or '', call('HGET', DEAD, id) or ''} end
        end
        return answers
    end
    local deleted = 0
    for _, id in ipairs(ids) do
        local b = call('HGET', BODY, id)
        -- One that waited for another that was just deleted is dead by now.
        if b and (section ~= 'blocked' or call('HEXISTS', DEP, 'b' .. id) == 1) then
            deleted = deleted + 1
            if section ~= 'dead' then
                b = r.withdraw(id, b)
                r.die(id, b, 8, '')
                r.follow()
            end
            r.erase_dead(id)
        end
    end
    announce()
    return deleted
end
