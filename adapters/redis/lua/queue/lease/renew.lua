-- Start the time of a lease anew if it is still held. KEYS: those of common. ARGV: group, consumer, entry, times leased, incarnation.
-- Returns 1 if it is held, 0 if it is not, and -1 if it is and somebody removed the entry from the stream:
-- XCLAIM would forget it then, and nobody could put its work back when the lease runs out.
local group, consumer, entry, times, under = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if not holds(group, consumer, entry, times, under) then return 0 end
if not is_in_stream(entry) then return -1 end
return #redis.call('XCLAIM', STREAM, group, consumer, 0, entry, 'JUSTID')
