-- Shows or deletes the tasks of a section. ARGV: now, channel, "peek" or "purge", section, how many at most. Shows id,
-- record, and the hold or the death; answers the number of those deleted.
local sections
do
    -- The ids among the fields of a hash, in the order of what `rank` says of id and value.
    local function from_fields(key, prefix, most, rank)
        local found, ids = {}, {}
        rules.each(key, function(field, value)
            if #field > #prefix and sub(field, 1, #prefix) == prefix then
                local id = sub(field, #prefix + 1)
                found[#found + 1] = {id, rank(id, value)}
            end
        end)
        table.sort(found, function(one, other) return one[2] < other[2] end)
        for i = 1, math.min(#found, most) do ids[i] = found[i][1] end
        return ids
    end

    -- Ready tasks by the time of readiness; a list is in that order by itself.
    local function ready_ids(most)
        local ids = {}
        for p = 0, 2 do
            local found = {}
            for from = 0, 100000, 1000 do
                local part = call('LRANGE', R[p], from, from + 999)
                for _, id in ipairs(part) do
                    local b = #found < most and call('HGET', BODY, id)
                    if b and rules.waits(b) then
                        found[#found + 1] = {id, sub(b, 7, 12) .. pack('>I6', #found)}
                    end
                end
                if #part == 0 or #found >= most then break end
            end
            for _, place in ipairs(call('ZRANGE', Q, 0, -1)) do
                if rules.priority_in(place) == p then
                    local id = rules.id_of(place)
                    -- Behind what a list holds of the same moment.
                    found[#found + 1] = {id, sub(place, -12 - #id, -7 - #id) .. '\255' .. sub(place, -6 - #id)}
                end
            end
            table.sort(found, function(one, other) return one[2] < other[2] end)
            for _, one in ipairs(found) do
                if #ids < most then ids[#ids + 1] = one[1] end
            end
        end
        return ids
    end

    local function ids_of(section, most)
        if section == 'ready' then
            return ready_ids(most)
        elseif section == 'delayed' then
            local ids = {}
            for _, member in ipairs(call('ZRANGE', S, 0, most - 1)) do ids[#ids + 1] = sub(member, 2) end
            return ids
        elseif section == 'blocked' then
            return from_fields(DEP, 'b', most, function(id) return unpk('>I6', call('HGET', BODY, id), 32) end)
        elseif section == 'leased' then
            return from_fields(INF, '', most, function(_, hold)
                local _, ends = rules.hold(hold)
                return ends
            end)
        end
        return call('ZREVRANGE', DEADZ, 0, most - 1)
    end

    -- Deletes ready tasks where they stand: from the front of the lists, then from the places.
    local function purge_ready(most)
        local deleted = 0
        for p = 0, 2 do
            while deleted < most do
                local popped = call('LPOP', R[p], most - deleted)
                if not popped or #popped == 0 then break end
                for _, id in ipairs(popped) do
                    local b = call('HGET', BODY, id)
                    if b and rules.waits(b) and call('HEXISTS', INF, id) == 0 then
                        rules.erase_waiting(id, b)
                        deleted = deleted + 1
                    else
                        count('g' .. p, -1)
                    end
                end
            end
        end
        if deleted == most then return deleted end
        for _, place in ipairs(call('ZRANGE', Q, 0, most - deleted - 1)) do
            local id = rules.id_of(place)
            rules.erase_waiting(id, rules.withdraw(id, call('HGET', BODY, id)))
            deleted = deleted + 1
        end
        return deleted
    end

    local function purge(section, most)
        if section == 'ready' then return purge_ready(most) end
        local deleted = 0
        for _, id in ipairs(ids_of(section, most)) do
            local b = call('HGET', BODY, id)
            -- One that waited for another that was just deleted is dead by now.
            if b and (section ~= 'blocked' or call('HEXISTS', DEP, 'b' .. id) == 1) then
                deleted = deleted + 1
                if section == 'dead' then
                    rules.erase_dead(id)
                else
                    rules.erase_waiting(id, rules.withdraw(id, b))
                end
            end
        end
        return deleted
    end

    local function peek(section, most)
        local answers = {}
        for _, id in ipairs(ids_of(section, most)) do
            local b = call('HGET', BODY, id)
            if b then answers[#answers + 1] = {id, b, call('HGET', INF, id) or '', call('HGET', DEAD, id) or ''} end
        end
        return answers
    end

    function sections()
        local section, most = ARGV[4], tonumber(ARGV[5])
        rules.promote_all()
        if ARGV[3] == 'peek' then return peek(section, most) end
        local deleted = purge(section, most)
        announce()
        return deleted
    end
end
