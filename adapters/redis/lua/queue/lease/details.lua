-- What is kept beside an entry that was just leased; its fields are kept as well, in case somebody removes it.
-- KEYS: those of common and, of a readable entry, the mark of the visit.
-- ARGV: group, consumer, entry, times leased, digest of the visit's contents (blank of an unreadable entry),
--       then the entry's names and values.
-- Returns {origin, attempt that was left open, incarnation, revision of these contents or false, newest revision or false},
-- or nothing if the lease is lost already.
local group, consumer, entry, times, digest = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local fields = {}
for i = 6, #ARGV do fields[#fields + 1] = ARGV[i] end
local under = incarnation(group)
if not holds(group, consumer, entry, times, under) then return false end
if #fields <= MOST_VALUES then
    redis.call('HSET', LEASED, entry, packed(fields))
    redis.call('EXPIRE', LEASED, KEPT_SECONDS)
end
local origin, open = origin_of(entry)
if KEYS[6] == nil then return {origin, open, under, false, false} end
local revisions = redis.call('HMGET', KEYS[6], digest, 'revision')
return {origin, open, under, revisions[1], revisions[2]}
