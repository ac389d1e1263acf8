-- Move an entry to the dead letters if it is still held.
-- KEYS: stream, origins, dead letters. ARGV: group, consumer, entry, times leased, reason, dead letters to keep.
local stream, group, consumer, entry, times = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if holds(stream, group, consumer, entry, times) then
    local found = redis.call('XRANGE', stream, entry, entry)[1]
    local fields = found and found[2] or {}
    local kept = math.min(#fields, MOST_VALUES)
    redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[6], '*',
        'dead_reason', ARGV[5], 'dead_entry', entry, unpack(fields, 1, kept))
    finish(stream, group, KEYS[2], entry)
end
