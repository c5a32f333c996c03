-- Lists workers that hold leases. ARGV: now, channel. Answers name, how many, the end of the first lease.
local function workers()
    local leased, ends, names = {}, {}, {}
    rules.each(INF, function(_, hold)
        local worker, until_ = rules.hold(hold)
        if not leased[worker] then names[#names + 1] = worker end
        leased[worker] = (leased[worker] or 0) + 1
        ends[worker] = math.min(ends[worker] or until_, until_)
    end)
    local answers = {}
    for _, worker in ipairs(names) do answers[#answers + 1] = {worker, leased[worker], ends[worker]} end
    return answers
end
