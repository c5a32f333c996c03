-- What all functions share: the keys of the shard, the time, and the rules by which a task moves.
--
-- body  id -> record or result  inf   id -> who holds it      fin   list of done batches  dead  id -> reason, error
-- deadz ids by time of death    w     workers by lease        x     counters and facts    cfg   settings
-- dep   who waits for whom      note  checkpoints, progress   r0-r2 ready ids by priority s     delayed ids by time
-- q     ready ids that have a tenant or a class, or are held by a limit                   a     tenants by use
-- wait  ids that callers await
--
-- A record: enqueued_at 6, ready_at 6, failures 4, crashes 4 | version 1, flags 1, priority 1, max_attempts 4,
-- max_crashes 4 | the rest. Numbers are big-endian. With flag 1 the rest begins with: arrival 6, seven short strings
-- (tenant, limit, code, unique, class, kind, group), deadline 6, unique span 1, unique for 6, delay 6.
-- A result, in place of the record: done_at 6, token 8, used 6 | 0, the result.
-- A hold in `inf`: token 8, worker, for tenants the charge 7, until 6, flags 1.
local BODY, INF, FIN, DEAD, DEADZ, W, X, CFG, DEP, NOTE, S, Q, A, WAIT
local R = {}
local ARGV, now, channel, call
local sub, byte, char, concat, format, pack, unpk, floor, band, bor
local FORMAT, DONE = 1, 0
-- A field that no task has, with a value that is too long for the compact encoding of small hashes, in which every
-- access costs as much as the hash is long.
local PAD
local EXT, BACKOFF, MARKER, TOLERANT, CHARGED, CHECKED, GONE = 1, 2, 4, 8, 16, 64, 128
-- How long a unique key is held: until done, until started, for a time; 4 more if a later task replaces the payload.
local UNTIL_STARTED, FOR_A_TIME, REPLACING = 1, 2, 4

-- What a call has to tell and to follow up: tasks that ended, tasks that showed progress, whether work came in; and the
-- endings that others wait for.
local woken, shown, ready, ended

-- What is not there yet when the library is loaded.
local function set_up()
    sub, byte, char, format, concat = string.sub, string.byte, string.char, string.format, table.concat
    pack, unpk, floor, band, bor = struct.pack, struct.unpack, math.floor, bit.band, bit.bor
    PAD = string.rep(' ', 80)
end

-- Begins a call. The first two arguments are the same for all: the time, or "" for the server's own, and the channel.
local function begin(keys, args)
    if not PAD then set_up() end
    BODY, INF, FIN, DEAD, DEADZ, W, X, CFG, DEP, NOTE = unpack(keys, 1, 10)
    R[0], R[1], R[2], S, Q, A, WAIT = unpack(keys, 11, 17)
    ARGV, call = args, redis.call
    now = tonumber(args[1])
    if not now then
        local time = call('TIME')
        now = time[1] * 1000 + floor(time[2] / 1000)
    end
    channel = args[2]
    woken, shown, ready, ended = {}, {}, false, {}
end

local function tell(ids, over)
    if #ids == 0 or call('EXISTS', WAIT) == 0 then return end
    for from = 1, #ids, 1000 do
        local part = {unpack(ids, from, math.min(from + 999, #ids))}
        local awaited = call('HMGET', WAIT, unpack(part))
        for i = 1, #part do
            if awaited[i] then
                call('PUBLISH', channel, 't' .. part[i])
                if over then call('HDEL', WAIT, part[i]) end
            end
        end
    end
end

-- Tells those who listen, once at the end of a call: of tasks that ended, of progress, of work for the idle.
local function announce()
    tell(woken, true)
    tell(shown, false)
    if ready then
        local idle = call('HGET', X, 'idle')
        if idle then
            call('HDEL', X, 'idle')
            if tonumber(idle) >= now then call('PUBLISH', channel, 'r' .. BODY) end
        end
    end
end

local rules = {}

-- How many delayed tasks become ready at once in a call that has other things to do.
local SOME = 500

-- Visits all fields of a hash but the padding, which has no name.
function rules.each(key, visit)
    local cursor = '0'
    repeat
        local page = call('HSCAN', key, cursor, 'COUNT', 1000)
        cursor = page[1]
        for i = 1, #page[2], 2 do
            if page[2][i] ~= '' then visit(page[2][i], page[2][i + 1]) end
        end
    until cursor == '0'
end

local function count(what, by) call('HINCRBY', X, what, by) end

function rules.ext(b)
    if band(byte(b, 22), EXT) == 0 then return nil end
    local e, whole = {}, nil
    whole, e.arrival, e.tenant, e.limit, e.code, e.unique, e.class, e.kind, e.group, e.deadline, e.span, e.hold,
        e.delay, e.ends = pcall(unpk, '>I6Bc0Bc0Bc0Bc0Bc0Bc0Bc0I6BI6I6', b, 32)
    return whole and e or nil
end

-- Who holds a task, until when, and what its tenant was charged.
function rules.hold(hold)
    local flags = byte(hold, #hold)
    local tail = band(flags, CHARGED) ~= 0 and 14 or 7
    local charge = tail == 14 and unpk('>I7', hold, #hold - 13) or nil
    return sub(hold, 9, #hold - tail), unpk('>I6', hold, #hold - 6), charge
end

-- The priority, also of a record that cannot be trusted.
function rules.priority(b) return math.min(byte(b, 23), 2) end

-- Where the payload begins.
function rules.payload_at(b)
    local e = rules.ext(b)
    return (e and e.ends or 32) + (rules.flag(b, BACKOFF) and 12 or 0)
end

function rules.flag(b, flag) return band(byte(b, 22), flag) ~= 0 end

-- Whether a record is that of a task that has not ended.
function rules.waits(b) return byte(b, 21) ~= DONE and band(byte(b, 22) or 0, GONE) == 0 end

function rules.with_flag(b, flag) return sub(b, 1, 21) .. char(bor(byte(b, 22), flag)) .. sub(b, 23) end

function rules.without_flag(b, flag)
    return sub(b, 1, 21) .. char(band(byte(b, 22), 255 - flag)) .. sub(b, 23)
end

-- A record with other counts and another time of readiness.
function rules.stamped(b, ready_at, failures, crashes)
    return sub(b, 1, 6) .. pack('>I6I4I4', ready_at, failures, crashes) .. sub(b, 21)
end

function rules.lane(class, p) return char(#class) .. class .. char(p) end

local function owner(name) return char(#name) .. name end

-- The place of a task in `q`: 't' by tenant, 'h' held by a limit.
function rules.place(kind, b, e, id)
    local name = kind == 't' and e.tenant or e.limit
    local lane = rules.lane(e.class, byte(b, 23))
    return kind .. lane .. owner(name) .. sub(b, 7, 12) .. pack('>I6', e.arrival) .. id
end

-- The priority in a place, and where it stands.
function rules.priority_in(place)
    local at = 3 + byte(place, 2)
    return byte(place, at), at
end

function rules.first(prefix)
    return call('ZRANGEBYLEX', Q, '[' .. prefix, '(' .. prefix .. '\255', 'LIMIT', 0, 1)[1]
end

-- The id at the end of a place.
function rules.id_of(place)
    local _, at = rules.priority_in(place)
    return sub(place, at + byte(place, at + 1) + 14)
end

function rules.virtual(tenant) return tonumber(call('HGET', X, 'v:' .. tenant)) or 0 end

local function seat(lane, tenant, vt) return lane .. pack('>I7', vt) .. tenant end

-- Moves a tenant to another virtual time, and its seat in this lane with it.
function rules.charge(lane, tenant, from, to)
    if to < 0 then to = 0 end
    call('HSET', X, 'v:' .. tenant, format('%.0f', to))
    if call('ZREM', A, seat(lane, tenant, from)) == 1 then call('ZADD', A, 0, seat(lane, tenant, to)) end
end

function rules.weighed(tenant, micros)
    local weight = tonumber(call('HGET', CFG, 'W:' .. tenant)) or 100
    return floor(micros * 100 / weight)
end

function rules.take_place(place, p)
    if call('ZREM', Q, place) == 1 then
        count('q' .. p, -1)
        return true
    end
    return false
end

-- Gives up a tenant's seat in a lane when it has nothing ready there any more.
function rules.leave_if_empty(lane, tenant)
    if not rules.first('t' .. lane .. owner(tenant)) then
        call('ZREM', A, seat(lane, tenant, rules.virtual(tenant)))
    end
end

function rules.put(kind, b, e, id)
    local p = byte(b, 23)
    local lane = rules.lane(e.class, p)
    if kind == 't' and not rules.first('t' .. lane .. owner(e.tenant)) then
        local vt, clock = rules.virtual(e.tenant), tonumber(call('HGET', X, 'clock')) or 0
        if clock > vt then
            vt = clock
            call('HSET', X, 'v:' .. e.tenant, format('%.0f', vt))
        end
        call('ZADD', A, 0, seat(lane, e.tenant, vt))
    end
    call('ZADD', Q, 0, rules.place(kind, b, e, id))
    count('q' .. p, 1)
end

function rules.put_ready(id, b, front)
    local e = rules.ext(b)
    ready = true
    -- A task of a limit stands apart, so that however many of them wait before a closed one, nobody walks over them;
    -- that of a tenant as well comes there only when it was found closed, since it goes by its tenant's turn.
    if e and #e.limit > 0 and (#e.tenant == 0 or front) then return rules.put('h', b, e, id) end
    if e and (#e.tenant > 0 or #e.class > 0) then return rules.put('t', b, e, id) end
    call(front and 'LPUSH' or 'RPUSH', R[byte(b, 23)], id)
end

-- Sends a waiting task to its place, now or when its time comes.
function rules.wait(id, b, ready_at, front)
    call('HSET', BODY, id, b)
    if ready_at > now then
        call('ZADD', S, ready_at, char(byte(b, 23)) .. id)
        count('d' .. byte(b, 23), 1)
    else
        rules.put_ready(id, b, front)
    end
end

function rules.promote(most)
    local due = call('ZRANGEBYSCORE', S, '-inf', now, 'LIMIT', 0, most)
    for _, member in ipairs(due) do
        local p, id = byte(member, 1), sub(member, 2)
        call('ZREM', S, member)
        count('d' .. p, -1)
        local b = call('HGET', BODY, id)
        if b then rules.put_ready(id, b) end
    end
    return #due
end

-- What is due becomes ready, all of it within bounds: for calls that show or count what is there.
function rules.promote_all()
    for _ = 1, 20 do
        if rules.promote(SOME) < SOME then break end
    end
end

-- Frees the unique key that a task still holds, unless it holds it for a time.
function rules.release_unique(e, id)
    if not e or #e.unique == 0 or e.span % REPLACING == FOR_A_TIME then return end
    local held = call('HGET', X, 'u:' .. e.unique)
    if held and sub(held, 7) == id then call('HDEL', X, 'u:' .. e.unique) end
end

-- Drops what is left in a list of tasks that were cancelled or deleted, as far as it lies in front.
function rules.head(p)
    for _ = 1, 1000 do
        local id = call('LINDEX', R[p], 0)
        local b = id and call('HGET', BODY, id)
        if not id then return nil end
        if b and rules.waits(b) then return b end
        call('LPOP', R[p])
        count('g' .. p, -1)
    end
end

-- Since when the oldest ready task of a priority has been ready. Of the tasks in `q`, the first of each tenant and
-- limit is looked at, up to a thousand of them.
function rules.oldest(p)
    local b = rules.head(p)
    local oldest = b and unpk('>I6', b, 7)
    local from = '-'
    for _ = 1, 1000 do
        local place = call('ZRANGEBYLEX', Q, from, '+', 'LIMIT', 0, 1)[1]
        if not place then break end
        local priority, at = rules.priority_in(place)
        local after = at + 1 + byte(place, at + 1) + 1
        if priority == p then
            local since = unpk('>I6', place, after)
            if not oldest or since < oldest then oldest = since end
        end
        from = '(' .. sub(place, 1, after - 1) .. '\255'
    end
    return oldest
end

function rules.ready_count(p)
    local extra = call('HMGET', X, 'q' .. p, 'g' .. p)
    return call('LLEN', R[p]) + (tonumber(extra[1]) or 0) - (tonumber(extra[2]) or 0)
end

function rules.free_limit(e)
    if e and #e.limit > 0 then
        if call('HINCRBY', X, 'l:' .. e.limit, -1) <= 0 then call('HDEL', X, 'l:' .. e.limit) end
        ready = true
    end
end

-- Whether a task of this limit may start; if it does, it is counted.
function rules.pass_limit(limit, start)
    local set = call('HGET', CFG, 'L:' .. limit)
    if set then
        local most, starts, per = string.match(set, '^(%d+),(%d+),(%d+)$')
        most, starts, per = tonumber(most), tonumber(starts), tonumber(per) * 1000
        if most > 0 and (tonumber(call('HGET', X, 'l:' .. limit)) or 0) >= most then return false end
        if starts > 0 then
            local interval, micros = per / starts, now * 1000
            local tat = tonumber(call('HGET', X, 't:' .. limit)) or 0
            if tat > micros + per - interval then return false end
            if start then
                call('HSET', X, 't:' .. limit, format('%.0f', math.max(tat, micros) + interval))
            end
        end
    end
    if start then call('HINCRBY', X, 'l:' .. limit, 1) end
    return true
end

-- A marker is done: nobody ran it and it has no result.
function rules.mark(id)
    call('HSET', BODY, id, pack('>I6', now) .. string.rep('\0', 14) .. char(DONE))
    call('RPUSH', FIN, pack('>I6', now) .. cmsgpack.pack({id}))
end

-- A task that stands in no index any more is given up.
function rules.die(id, b, reason, error)
    local e = byte(b, 21) == FORMAT and rules.ext(b) or nil
    call('HSET', BODY, id, rules.with_flag(b, GONE))
    call('HSET', DEAD, id, pack('>I6', now) .. char(reason) .. error)
    call('ZADD', DEADZ, now, id)
    count('k' .. rules.priority(b), 1)
    rules.release_unique(e, id)
    call('HDEL', NOTE, 'p' .. id)
    woken[#woken + 1] = id
    ended[#ended + 1] = {id, false, reason}
end

-- A task is done: what it held is free, what waited for it goes on.
function rules.done(id, e)
    rules.release_unique(e, id)
    woken[#woken + 1] = id
    ended[#ended + 1] = {id, true}
end

local words = {'failures', 'crashes', 'rejected', 'cancelled', 'expired', 'dependency', 'quarantined', 'unreadable',
    'purged'}

function rules.orphaned(parent, reason)
    return 'task ' .. parent .. ' that it waited for died: ' .. words[reason + 1]
end

local function unblock(id, b)
    count('b' .. byte(b, 23), -1)
    if rules.flag(b, MARKER) then
        rules.mark(id)
        return rules.done(id, rules.ext(b))
    end
    local ready_at = now + rules.ext(b).delay
    rules.wait(id, sub(b, 1, 6) .. pack('>I6', ready_at) .. sub(b, 13), ready_at)
end

-- Follows the endings of this call to those who waited for them.
function rules.follow()
    local next = 1
    while ended[next] do
        local id, well, reason = unpack(ended[next])
        next = next + 1
        local children = call('HGET', DEP, 'k' .. id)
        if children then
            call('HDEL', DEP, 'k' .. id)
            for _, entry in ipairs(cmsgpack.unpack(children)) do
                -- A task that was deleted may have left its id to another.
                local child = sub(entry, 7)
                local b = call('HGET', BODY, child)
                local left = b and call('HGET', DEP, 'b' .. child)
                if left and sub(b, 32, 37) == sub(entry, 1, 6) then
                    if well or rules.flag(b, TOLERANT) then
                        if tonumber(left) <= 1 then
                            call('HDEL', DEP, 'b' .. child)
                            unblock(child, b)
                        else
                            call('HINCRBY', DEP, 'b' .. child, -1)
                        end
                    else
                        call('HDEL', DEP, 'b' .. child)
                        count('b' .. byte(b, 23), -1)
                        rules.die(child, b, 5, rules.orphaned(id, reason))
                    end
                end
            end
        end
    end
    ended = {}
end

-- A run broke down. Answers the task's code, if it has one.
function rules.crash(id, b, error, ready_at)
    local e = rules.ext(b)
    local failures, crashes = unpk('>I4I4', b, 13)
    crashes = crashes + 1
    b = rules.stamped(b, ready_at, failures, crashes)
    if crashes >= unpk('>I4', b, 28) then
        rules.die(id, b, 1, error)
    else
        rules.wait(id, b, ready_at)
    end
    return e and #e.code > 0 and e.code or nil
end

-- Takes a waiting task out of where it waits. In a list it stays behind as an id that means nothing, since looking
-- for it there would cost as much as the list is long.
function rules.withdraw(id, b)
    local p, e = byte(b, 23), rules.ext(b)
    if call('ZREM', S, char(p) .. id) == 1 then
        count('d' .. p, -1)
    elseif call('HDEL', DEP, 'b' .. id) == 1 then
        count('b' .. p, -1)
    elseif e and rules.take_place(rules.place('h', b, e, id), p) then
        return b
    elseif e and rules.take_place(rules.place('t', b, e, id), p) then
        rules.leave_if_empty(rules.lane(e.class, p), e.tenant)
    else
        count('g' .. p, 1)
        b = rules.with_flag(b, CHECKED)
    end
    return b
end

-- Deletes a dead task with all that is known of it.
function rules.erase_dead(id)
    local b = call('HGET', BODY, id)
    call('HDEL', BODY, id)
    call('HDEL', DEAD, id)
    call('ZREM', DEADZ, id)
    call('HDEL', NOTE, 'c' .. id, 'p' .. id)
    call('HDEL', DEP, 'g' .. id)
    if b then count('k' .. rules.priority(b), -1) end
end

-- Deletes a task that has not ended and stands in no index any more; those who wait for it die.
function rules.erase_waiting(id, b)
    rules.die(id, b, 8, '')
    rules.follow()
    rules.erase_dead(id)
end

-- What a lease held beside the task itself is free again.
function rules.let_go(worker, id, e)
    call('HINCRBY', X, 'n:' .. worker, -1)
    rules.free_limit(e)
    call('HDEL', NOTE, 'p' .. id)
end
