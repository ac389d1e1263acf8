-- Put back what was postponed and is due, then lease an entry whose lease ran out, or one that was sent to this consumer and never arrived.
-- One that somebody removed from the stream is put back instead, from what was kept when it was leased.
-- KEYS: those of common. ARGV: group, consumer, lease in ms, then the entries that the consumer knows it holds.
-- Returns {removed entries that were put back, removed entries that nobody kept, then the delivery,
--          if there is one: entry, fields, times leased, former holder}.
local group, consumer, lease = ARGV[1], ARGV[2], ARGV[3]
put_back_due(100)
local known, count, restored, vanished = {}, 0, {}, {}
for i = 4, #ARGV do
    known[ARGV[i]] = true
    count = count + 1
end

local function take(pending, idle)
    local entry = pending[1]
    if not is_in_stream(entry) then
        local removed = put_back(group, entry) and restored or vanished
        removed[#removed + 1] = entry
        return nil
    end
    local taken = redis.call('XCLAIM', STREAM, group, consumer, idle, entry)[1]
    local times = redis.call('XPENDING', STREAM, group, entry, entry, 1)[1][4]
    return {restored, vanished, entry, taken[2], times, pending[2]}
end

for _, pending in ipairs(redis.call('XPENDING', STREAM, group, '-', '+', count + 1, consumer)) do
    if not known[pending[1]] then
        local found = take(pending, 0)
        if found then return found end
    end
end
for _ = 1, 100 do
    local pending = redis.call('XPENDING', STREAM, group, 'IDLE', lease, '-', '+', 1)[1]
    if pending == nil then break end
    local found = take(pending, lease)
    if found then return found end
end
return {restored, vanished}
