-- Take an entry out of the stream until it is due, if it is still held. KEYS: those of common.
-- ARGV: group, consumer, entry, times leased, incarnation, ms until it is due, attempt that is left open (0: none).
-- Returns whether all is well: 0 as when it is given back.
local group, consumer, entry, times, under = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not holds(group, consumer, entry, times, under) then return 1 end
local fields = fields_of(entry)
if fields == nil or #fields > MOST_VALUES then
    return put_back(group, entry) and 1 or 0
end
local origin, open = origin_of(entry)
if ARGV[7] ~= '0' then open = ARGV[7] end
-- The entry makes a member of its own of each.
local member = packed({origin, open, entry}) .. packed(fields)
redis.call('ZADD', DELAYED, string.format('%.0f', now() + ARGV[6]), member)
finish(group, entry)
return 1
