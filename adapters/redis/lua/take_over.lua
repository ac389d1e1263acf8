-- Lease an entry whose lease ran out, or one that was sent to this consumer and never arrived.
-- KEYS: stream, origins. ARGV: group, consumer, lease in ms, then the entries that the consumer knows it holds.
-- Returns {entries that somebody removed while they were leased, then the delivery, if there is one:
--          entry, fields, times leased, former holder}.
local stream, origins = KEYS[1], KEYS[2]
local group, consumer, lease = ARGV[1], ARGV[2], ARGV[3]
local known, count, vanished = {}, 0, {}
for i = 4, #ARGV do
    known[ARGV[i]] = true
    count = count + 1
end

local function take(pending, idle)
    local entry = pending[1]
    local taken = redis.call('XCLAIM', stream, group, consumer, idle, entry)[1]
    if not taken then
        vanished[#vanished + 1] = entry
        finish(stream, group, origins, entry)
        return nil
    end
    local times = redis.call('XPENDING', stream, group, entry, entry, 1)[1][4]
    return {vanished, entry, taken[2], times, pending[2]}
end

for _, pending in ipairs(redis.call('XPENDING', stream, group, '-', '+', count + 1, consumer)) do
    if not known[pending[1]] then
        local found = take(pending, 0)
        if found then return found end
    end
end
for _ = 1, 100 do
    local pending = redis.call('XPENDING', stream, group, 'IDLE', lease, '-', '+', 1)[1]
    if pending == nil then break end
    local found = take(pending, lease)
    if found then return found end
end
return {vanished}
