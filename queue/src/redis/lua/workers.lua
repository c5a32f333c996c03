-- Lists workers that hold leases. ARGV: now, channel. Answers name, how many, the end of the first lease.
local function workers()
    local leased, ends, names = {}, {}, {}
    local cursor = '0'
    repeat
        local page = call('HSCAN', INF, cursor, 'COUNT', 1000)
        cursor = page[1]
        for i = 2, #page[2], 2 do
            if page[2][i - 1] ~= '' then
                local worker, until_ = rules.hold(page[2][i])
                if not leased[worker] then names[#names + 1] = worker end
                leased[worker] = (leased[worker] or 0) + 1
                ends[worker] = math.min(ends[worker] or until_, until_)
            end
        end
    until cursor == '0'
    local answers = {}
    for _, worker in ipairs(names) do answers[#answers + 1] = {worker, leased[worker], ends[worker]} end
    return answers
end
