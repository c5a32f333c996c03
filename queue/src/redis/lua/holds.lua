-- Tells how many records and settings there are. ARGV: now, channel.
local function holds()
    local records = call('HLEN', BODY) - call('HEXISTS', BODY, '')
    return records + call('HLEN', CFG)
end
