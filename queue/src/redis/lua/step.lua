-- Settles, then claims. ARGV: now, channel, worker, token of the claims, lease in ms, "1" if the step is repeated after
-- an unknown outcome; number of groups, each: token, count, ids, blobs (used 6, result); number of other settlements,
-- each: id, token, kind, used in µs, error, ms until the next run; number of lanes, each: class, places.
local step
do
    local worker, token, at, out, holds, given, until_, plain_hold

    local function arg()
        at = at + 1
        return ARGV[at - 1]
    end

    -- Charges what a run used to its tenant, in place of what was charged at the claim.
    local function account(hold, b, used)
        local r = rules
        local e = r.ext(b)
        local _, _, charged = r.hold(hold)
        if e and used > 0 and charged then
            local vt = r.virtual(e.tenant)
            call('HSET', X, 'e:' .. e.tenant, format('%.0f', used))
            r.charge(r.lane(e.class, byte(b, 23)), e.tenant, vt, vt - charged + r.weighed(e.tenant, used))
        end
        return e
    end

    -- Hands a task out, unless something speaks against it. Answers whether it did.
    local function deliver(id, b)
        local r, e = rules, nil
        if byte(b, 21) == DONE then return false, true end
        if byte(b, 21) ~= FORMAT or #b < 31 then
            local whole = #b >= 31 and b or (b .. string.rep('\0', 31 - #b))
            r.die(id, whole, 7, 'its record has a format that this version does not know: upgrade, then replay it')
            return false
        end
        if r.flag(b, EXT) and not r.ext(b) then
            r.die(id, b, 7, 'its record is damaged: delete the task and enqueue it again')
            return false
        end
        if r.flag(b, GONE) then return false, true end
        if r.flag(b, CHECKED) then
            if given[id] or call('HEXISTS', INF, id) == 1 or call('ZSCORE', S, char(byte(b, 23)) .. id) then
                return false, true
            end
            given[id] = true
        end
        e = r.ext(b)
        local charge = ''
        if e then
            if #e.limit > 0 and not r.pass_limit(e.limit) then
                r.put('h', b, e, id)
                return false
            end
            if e.deadline > 0 and unpk('>I6', b) + e.deadline - 1 <= now then
                r.die(id, b, 4, 'its deadline passed before a worker took it')
                return false
            end
            if #e.code > 0 and call('HEXISTS', CFG, 'Q:' .. e.code) == 1 then
                r.die(id, b, 6, 'its code ' .. e.code ..
                    ' is in quarantine after too many crashes: release it and replay the task')
                return false
            end
            if #e.limit > 0 then r.pass_limit(e.limit, true) end
            if e.span % REPLACING == UNTIL_STARTED then r.release_unique(e, id) end
            if #e.tenant > 0 then
                local micros = tonumber(call('HGET', X, 'e:' .. e.tenant)) or 100000
                local vt, micros_charged = r.virtual(e.tenant), r.weighed(e.tenant, micros)
                call('HSET', X, 'clock', format('%.0f', vt))
                r.charge(r.lane(e.class, byte(b, 23)), e.tenant, vt, vt + micros_charged)
                charge = pack('>I7', micros_charged)
            end
        end
        out[#out + 1] = id
        out[#out + 1] = b
        holds[#holds + 1] = id
        local flags = byte(b, 22) + (charge == '' and 0 or CHARGED)
        holds[#holds + 1] = token .. worker .. charge .. until_ .. char(flags)
        return true
    end

    -- Takes ids from the front of a list until so many were handed out or it is empty.
    local function from_list(p, places)
        local taken, k = 0, #out
        for _ = 1, 2000 do
            if taken >= places then break end
            local ids = call('LPOP', R[p], places - taken)
            if not ids or #ids == 0 then break end
            local records = call('HMGET', BODY, unpack(ids))
            for i = 1, #ids do
                local b = records[i]
                if b then
                    local version, flags = byte(b, 21, 22)
                    if version == FORMAT and (flags == 0 or flags == BACKOFF) then
                        out[k + 1] = ids[i]
                        out[k + 2] = b
                        holds[k + 1] = ids[i]
                        holds[k + 2] = plain_hold
                        taken = taken + 1
                        k = k + 2
                    else
                        local handed, ghost = deliver(ids[i], b)
                        if handed then taken = taken + 1 end
                        if ghost then call('HINCRBY', X, 'g' .. p, -1) end
                        k = #out
                    end
                else
                    call('HINCRBY', X, 'g' .. p, -1)
                end
            end
        end
        return taken
    end

    -- The place of the first task of a limit that may start now; the limits take turns in the order of their names.
    local function first_held(lane)
        local from, found, since = '[h' .. lane, nil, nil
        for _ = 1, 128 do
            local place = call('ZRANGEBYLEX', Q, from, '(h' .. lane .. '\255', 'LIMIT', 0, 1)[1]
            if not place then break end
            local name = 2 + #lane
            local ends = name + byte(place, name)
            if rules.pass_limit(sub(place, name + 1, ends), false) then
                local order = sub(place, ends + 1, ends + 12)
                if not found or order < since then found, since = place, order end
            end
            from = '(' .. sub(place, 1, ends) .. '\255'
        end
        return found, since
    end

    -- Takes one task of the tenant that has used least. The nameless one's tasks of no class lie in the list.
    local function from_tenants(lane, class, p)
        local r = rules
        local first = call('ZRANGEBYLEX', A, '[' .. lane, '(' .. lane .. '\255', 'LIMIT', 0, 1)[1]
        local listed = class == '' and call('LLEN', R[p]) > 0
        if not first then return nil end
        local vt = unpk('>I7', first, #lane + 1)
        -- Of those who have used the same, the one whose first task has been ready longest.
        local level = sub(first, 1, #lane + 7)
        local tenant, since
        for _, seat in ipairs(call('ZRANGEBYLEX', A, '[' .. level, '(' .. level .. '\255', 'LIMIT', 0, 32)) do
            local name = sub(seat, #lane + 8)
            local place = r.first('t' .. lane .. char(#name) .. name)
            local order = place and sub(place, #lane + #name + 3, #lane + #name + 14) or ''
            if not since or order < since then first, tenant, since = seat, name, order end
        end
        local real = r.virtual(tenant)
        if real ~= vt then
            call('ZREM', A, first)
            call('ZADD', A, 0, lane .. pack('>I7', real) .. tenant)
            return false
        end
        if listed then
            local own = r.virtual('')
            local clock = tonumber(call('HGET', X, 'clock')) or 0
            if call('HGET', X, 'absent') == '1' then
                own = math.max(own, clock)
                call('HDEL', X, 'absent')
            end
            local head = own == vt and r.head(p)
            if own < vt or (head and sub(head, 7, 12) <= sub(since, 1, 6)) then
                local micros = tonumber(call('HGET', X, 'e:')) or 100000
                call('HSET', X, 'clock', format('%.0f', own), 'v:', format('%.0f', own + micros))
                return from_list(p, 1) > 0
            end
        elseif class == '' then
            call('HSET', X, 'absent', '1')
        end
        local place = r.first('t' .. lane .. char(#tenant) .. tenant)
        if not place then
            call('ZREM', A, first)
            return false
        end
        local id = r.id_of(place)
        local b = call('HGET', BODY, id)
        r.take_place(place, p)
        local handed = b and deliver(id, b)
        r.leave_if_empty(lane, tenant)
        return handed and true or false
    end

    -- Fills places from a lane in which there is more than a list of ids.
    local function from_lane(class, p, places)
        local r = rules
        local lane = r.lane(class, p)
        local taken, look = 0, true
        for _ = 1, places * 2 + 1000 do
            if taken >= places then break end
            local held, since
            if look then held, since = first_held(lane) end
            look = held ~= nil
            local shared = call('ZRANGEBYLEX', A, '[' .. lane, '(' .. lane .. '\255', 'LIMIT', 0, 1)[1] ~= nil
            local head = held and class == '' and not shared and r.head(p)
            local handed
            if held and not (head and sub(head, 7, 12) < sub(since, 1, 6)) then
                local id = r.id_of(held)
                local b = call('HGET', BODY, id)
                r.take_place(held, p)
                handed = b and deliver(id, b)
            elseif shared then
                handed = from_tenants(lane, class, p)
                -- A limit that was found closed holds that task now, and another may be open.
                look = true
            elseif class == '' then
                local got = from_list(p, held and 1 or places - taken)
                if got == 0 then break end
                taken = taken + got
            else
                break
            end
            if handed then taken = taken + 1 end
        end
        return taken
    end

    function step()
        local lease, repeated = tonumber(ARGV[5]), ARGV[6] == '1'
        worker, token, at, out = ARGV[3], ARGV[4], 7, {}
        local verdicts, crashed, freed, claimed = {}, {}, 0, 0

        if call('EXISTS', S) == 1 then rules.promote(SOME) end
        for _ = 1, tonumber(arg()) do
            local mine = arg()
            local prefix = mine .. worker
            local width, n = #prefix, tonumber(arg())
            local first = at
            at = at + 2 * n
            local ids = {unpack(ARGV, first, first + n - 1)}
            local holds = call('HMGET', INF, unpack(ids))
            local held, results, stamp, kept = {}, {}, pack('>I6', now) .. mine, {}
            local k, v, ends = 0, #verdicts, #woken
            for i = 1, n do
                local hold, id = holds[i], ids[i]
                if hold and sub(hold, 1, width) == prefix and not kept[id] then
                    local flags = byte(hold, #hold)
                    if flags ~= 0 and flags ~= BACKOFF then
                        local b = call('HGET', BODY, id)
                        local blob = ARGV[first + n + i - 1]
                        local e = b and account(hold, b, unpk('>I6', blob))
                        rules.free_limit(e)
                        rules.done(id, e)
                        ends = #woken
                    else
                        ends = ends + 1
                        woken[ends] = id
                    end
                    kept[id] = true
                    k = k + 1
                    held[k] = id
                    results[2 * k - 1] = id
                    results[2 * k] = stamp .. ARGV[first + n + i - 1]
                    verdicts[v + i] = '1'
                else
                    local record = call('HGET', BODY, id)
                    local again = record and byte(record, 21) == DONE and sub(record, 7, 14) == mine
                    verdicts[v + i] = again and '1' or 'l'
                end
            end
            if k > 0 then
                call('HDEL', INF, unpack(held))
                call('HSET', BODY, unpack(results))
                call('RPUSH', FIN, pack('>I6', now) .. cmsgpack.pack(held))
                freed = freed + k
                if call('EXISTS', NOTE) == 1 then
                    for _, id in ipairs(held) do call('HDEL', NOTE, 'c' .. id, 'p' .. id) end
                end
            end
        end

        for _ = 1, tonumber(arg()) do
            local id, mine, kind, used, error, pause = arg(), arg(), arg(), tonumber(arg()), arg(), tonumber(arg())
            local prefix = mine .. worker
            local hold = call('HGET', INF, id)
            local b = hold and sub(hold, 1, #prefix) == prefix and call('HGET', BODY, id)
            if not b then
                verdicts[#verdicts + 1] = 'l'
            else
                local r = rules
                call('HDEL', INF, id)
                freed = freed + 1
                r.free_limit(account(hold, b, used))
                call('HDEL', NOTE, 'p' .. id)
                local verdict = 'r'
                if kind == 'x' then
                    r.die(id, b, 2, error)
                elseif kind == 'u' then
                    r.die(id, b, 7, error)
                elseif kind == 'h' then
                    r.wait(id, b, 0, true)
                    verdict = 'h'
                elseif kind == 'c' then
                    local code = r.crash(id, b, error, now + pause)
                    if code then crashed[#crashed + 1] = code end
                else
                    local failures, crashes = unpk('>I4I4', b, 13)
                    failures = failures + 1
                    b = r.stamped(b, now + pause, failures, crashes)
                    if failures >= unpk('>I4', b, 24) then
                        r.die(id, b, 0, error)
                    else
                        r.wait(id, b, now + pause)
                    end
                end
                local after = call('HGET', BODY, id)
                if r.flag(after, GONE) then verdict = 'd' end
                verdicts[#verdicts + 1] = verdict
            end
        end
        rules.follow()

        until_ = pack('>I6', now + lease)
        plain_hold = token .. worker .. until_ .. '\0'
        holds = {}
        -- The tasks handed out in this step whose ids may lie in a list twice.
        given = {}
        local lanes = tonumber(arg())
        local asked = 0
        for i = 1, lanes do asked = asked + tonumber(ARGV[at + 2 * i - 1]) end
        if repeated and asked > 0 then
            -- The step may have been carried out before: what it claimed then is its answer.
            local prefix = token .. worker
            rules.each(INF, function(id, hold)
                local b = sub(hold, 1, #prefix) == prefix and call('HGET', BODY, id)
                if b then
                    out[#out + 1] = id
                    out[#out + 1] = b
                end
            end)
        end
        if asked > 0 and #out == 0 and call('HGET', CFG, 'mode') ~= 'paused' then
            local plain = call('EXISTS', Q) == 0
            for _ = 1, lanes do
                local class, places = arg(), tonumber(arg())
                for p = 0, 2 do
                    if places > 0 then
                        local got = 0
                        if not plain then
                            got = from_lane(class, p, places)
                        elseif class == '' then
                            got = from_list(p, places)
                        end
                        places = places - got
                    end
                end
            end
            local n = #holds / 2
            if n > 0 then
                call('HSET', INF, '', PAD, unpack(holds))
                call('ZADD', W, 'LT', now + lease, worker)
                claimed = n
            end
            rules.follow()
        end

        if claimed ~= freed then call('HINCRBY', X, 'n:' .. worker, claimed - freed) end

        local checkpoints = {}
        if #out > 0 and call('EXISTS', NOTE) == 1 then
            for i = 1, #out, 2 do checkpoints[#checkpoints + 1] = call('HGET', NOTE, 'c' .. out[i]) end
        end
        announce()
        return {now, concat(verdicts), crashed, out, checkpoints}
    end
end
