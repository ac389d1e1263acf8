-- Start the time of a lease anew if it is still held. KEYS: stream. ARGV: group, consumer, entry, times leased.
-- Returns whether it is held.
local stream, group, consumer, entry, times = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if not holds(stream, group, consumer, entry, times) then return 0 end
return #redis.call('XCLAIM', stream, group, consumer, 0, entry, 'JUSTID')
