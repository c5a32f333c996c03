-- Notes that somebody listens. ARGV: now, channel, for how long (ms) an idle worker wants to hear of work or "", then
-- the ids of tasks that somebody waits for. Those who go away say nothing, so all of it expires.
local function listen()
    if ARGV[3] ~= '' then call('HSET', X, 'idle', format('%.0f', now + tonumber(ARGV[3]))) end
    if ARGV[4] then
        if call('HLEN', WAIT) > 100000 then call('DEL', WAIT) end
        for at = 4, #ARGV do call('HSET', WAIT, ARGV[at], '') end
        call('EXPIRE', WAIT, 300)
    end
    return 1
end
