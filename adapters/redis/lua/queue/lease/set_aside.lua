-- Move an entry to the dead letters if it is still held.
-- KEYS: those of common, dead letters.
-- ARGV: group, consumer, entry, times leased, incarnation, reason, dead letters to keep.
local group, consumer, entry, times, under = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if holds(group, consumer, entry, times, under) then
    local fields = fields_of(entry) or {}
    local kept = math.min(#fields, MOST_VALUES)
    local origin = origin_of(entry)
    redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[7], '*',
        'dead_reason', ARGV[6], 'dead_entry', entry, 'dead_origin', origin,
        unpack(fields, 1, kept))
    finish(group, entry)
end
