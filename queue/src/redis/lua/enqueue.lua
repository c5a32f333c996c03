-- Puts tasks in. ARGV: now, channel, bound on ready, bound on age, "plain" or "rich", then id and record of each task;
-- rich ones have a third argument, the ids that they wait for.
local function enqueue()
    if call('HGET', CFG, 'mode') == 'draining' then return 'draining' end

    -- What is due becomes ready before what is new.
    if call('EXISTS', S) == 1 then rules.promote(SOME) end

    local bound, age = tonumber(ARGV[3]), tonumber(ARGV[4])
    local rich = ARGV[5] == 'rich'
    local width = rich and 3 or 2
    local n = (#ARGV - 5) / width

    local ids = {}
    for i = 1, n do ids[i] = ARGV[6 + (i - 1) * width] end
    local known = call('HMGET', BODY, unpack(ids))
    local new = 0
    for i = 1, n do
        if not known[i] then new = new + 1 end
    end

    if bound and new > 0 then
        local waiting = call('ZCOUNT', S, '-inf', now)
        for p = 0, 2 do waiting = waiting + rules.ready_count(p) end
        if waiting + new > bound then return {'ready', waiting} end
    end
    if age and new > 0 then
        for p = 0, 2 do
            local since = rules.oldest(p)
            if since and now - since > age then return {'age', now - since} end
        end
    end

    local stamp = pack('>I6I6I4I4', now, now, 0, 0)
    local answers = {}

    if not rich then
        local set, fields, seen = {'', PAD}, 2, {}
        local lanes, sizes = {[0] = {}, {}, {}}, {[0] = 0, 0, 0}
        for i = 1, n do
            local id = ids[i]
            if known[i] or seen[id] then
                answers[i] = '0'
            else
                local record = ARGV[5 + i * 2]
                local p = byte(record, 3)
                seen[id] = true
                set[fields + 1] = id
                set[fields + 2] = stamp .. record
                fields = fields + 2
                sizes[p] = sizes[p] + 1
                lanes[p][sizes[p]] = id
                answers[i] = '1'
            end
        end
        if fields > 2 then
            call('HSET', BODY, unpack(set))
            for p = 0, 2 do
                if sizes[p] > 0 then call('RPUSH', R[p], unpack(lanes[p])) end
            end
            ready = true
            announce()
        end
        return concat(answers)
    end

    local r = rules

    -- Looks first whether every dependency is there, so that a refusal changes nothing.
    local here, parents = {}, {}
    for i = 1, n do
        local e = r.ext(stamp .. ARGV[7 + (i - 1) * 3])
        parents[i] = ARGV[8 + (i - 1) * 3] ~= '' and cmsgpack.unpack(ARGV[8 + (i - 1) * 3]) or {}
        if not known[i] then
            for _, parent in ipairs(parents[i]) do
                local group = here[parent]
                if not group then
                    local b = call('HGET', BODY, parent)
                    local pe = b and byte(b, 21) == FORMAT and r.ext(b)
                    group = pe and pe.group or call('HGET', DEP, 'g' .. parent)
                end
                if group ~= e.group then return {'parent', ids[i], parent} end
            end
        end
        if e and #e.group > 0 then here[ids[i]] = e.group end
    end

    local function unique(e, id, record)
        local held = call('HGET', X, 'u:' .. e.unique)
        local until_, holder
        if held then until_, holder = unpk('>I6', held), sub(held, 7) end
        if held and (until_ == 0 or until_ > now) then
            local b = holder ~= id and call('HGET', BODY, holder)
            local waits = b and not call('HGET', INF, holder) and r.waits(b)
            if waits and e.span >= REPLACING then
                local fresh = stamp .. record
                fresh = sub(b, 1, r.payload_at(b) - 1) .. sub(fresh, r.payload_at(fresh))
                local member = char(byte(b, 23)) .. holder
                if call('ZSCORE', S, member) then
                    local ready_at = now + e.delay
                    fresh = sub(fresh, 1, 6) .. pack('>I6', ready_at) .. sub(fresh, 13)
                    call('ZADD', S, ready_at, member)
                end
                call('HSET', BODY, holder, fresh)
                return '3', holder
            end
            return '2', holder
        end
        call('HSET', X, 'u:' .. e.unique, pack('>I6', e.span % REPLACING == FOR_A_TIME and now + e.hold or 0) .. id)
        return nil
    end

    local others = {}
    local seen = {}
    for i = 1, n do
        local id, record = ids[i], ARGV[7 + (i - 1) * 3]
        if known[i] or seen[id] then
            answers[i] = '0'
        else
            local e = r.ext(stamp .. record)
            local code, holder
            if e then
                e.arrival = call('HINCRBY', X, 'arrivals', 1)
                record = sub(record, 1, 11) .. pack('>I6', e.arrival) .. sub(record, 18)
                if #e.unique > 0 then code, holder = unique(e, id, record) end
            end
            if code then
                answers[i] = code
                others[#others + 1] = holder
            else
                answers[i] = '1'
                seen[id] = true
                local b = stamp .. record
                local left, fate, counted = 0, nil, {}
                for _, parent in ipairs(parents[i]) do
                    if not counted[parent] then
                        counted[parent] = true
                        local pb = call('HGET', BODY, parent)
                        if not pb or byte(pb, 21) == DONE then
                            -- Done already.
                        elseif r.flag(pb, GONE) then
                            if not r.flag(b, TOLERANT) then fate = fate or parent end
                        else
                            left = left + 1
                            local children = call('HGET', DEP, 'k' .. parent)
                            children = children and cmsgpack.unpack(children) or {}
                            children[#children + 1] = pack('>I6', e.arrival) .. id
                            call('HSET', DEP, 'k' .. parent, cmsgpack.pack(children))
                        end
                    end
                end
                if e and #e.group > 0 then call('HSET', DEP, 'g' .. id, e.group) end
                if fate then
                    local why = byte(call('HGET', DEAD, fate), 7)
                    r.die(id, b, 5, r.orphaned(fate, why))
                elseif left > 0 then
                    call('HSET', BODY, id, b)
                    call('HSET', DEP, 'b' .. id, left)
                    call('HINCRBY', X, 'b' .. byte(b, 23), 1)
                elseif r.flag(b, MARKER) then
                    r.mark(id)
                    r.done(id, e)
                else
                    local ready_at = now + (e and e.delay or 0)
                    r.wait(id, sub(b, 1, 6) .. pack('>I6', ready_at) .. sub(b, 13), ready_at)
                end
                r.follow()
            end
        end
    end
    announce()
    return {concat(answers), others}
end
