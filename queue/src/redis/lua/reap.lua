-- Takes tasks back. ARGV: now, channel, the worker that is gone or "" for all whose lease ended, how many at most.
-- Answers the tasks (id, worker, priority, "1" if dead) and the codes that crashed.
local function reap()
    local gone, most = ARGV[3], tonumber(ARGV[4])
    local expired = {}
    if gone == '' then
        for _, worker in ipairs(call('ZRANGEBYSCORE', W, '-inf', now)) do
            -- Who holds nothing has no business here.
            if (tonumber(call('HGET', X, 'n:' .. worker)) or 0) <= 0 then
                call('ZREM', W, worker)
                call('HDEL', X, 'n:' .. worker)
            else
                expired[worker] = true
            end
        end
        if next(expired) == nil then return {{}, {}} end
    end

    local r = rules
    local answers, crashed = {}, {}
    local first_end = {}
    local begun = call('HGET', X, 'sweep') or '0'
    local cursor, seen, reaped = begun, 0, 0
    local whole = begun == '0'

    local function take_back(id, worker)
        local b = call('HGET', BODY, id)
        call('HDEL', INF, id)
        r.let_go(worker, id, b and r.ext(b))
        if b then
            local name = string.match(worker, '^(.*)#') or worker
            local code = r.crash(id, b, 'the lease of worker ' .. name .. ' ran out, so it is taken for dead', now)
            if code then crashed[#crashed + 1] = code end
            local dead = r.flag(call('HGET', BODY, id), GONE)
            answers[#answers + 1] = {id, worker, byte(b, 23), dead and '1' or '0'}
            reaped = reaped + 1
        end
    end

    repeat
        local page = call('HSCAN', INF, cursor, 'COUNT', 1000)
        local entries = page[2]
        for i = 1, #entries, 2 do
            local id = entries[i]
            -- The padding has no name.
            if id ~= '' then
                local worker, ends = r.hold(entries[i + 1])
                local take
                if gone == '' then take = ends <= now else take = worker == gone end
                if take and reaped < most then
                    take_back(id, worker)
                elseif not first_end[worker] or ends < first_end[worker] then
                    first_end[worker] = ends
                end
            end
        end
        seen = seen + #entries / 2
        if reaped >= most then break end
        cursor = page[1]
    until cursor == '0' or seen >= 20000
    r.follow()

    if reaped >= most or cursor ~= '0' then
        call('HSET', X, 'sweep', cursor)
    else
        call('HDEL', X, 'sweep')
        -- A whole look knows when each worker's first lease ends; one in parts looks again in a second.
        if whole then
            for worker, ends in pairs(first_end) do call('ZADD', W, ends, worker) end
        end
        for worker in pairs(expired) do
            if not whole then
                call('ZADD', W, 'XX', now + 1000, worker)
            elseif not first_end[worker] then
                call('ZREM', W, worker)
                call('HDEL', X, 'n:' .. worker)
            end
        end
    end
    announce()
    return {answers, crashed}
end
