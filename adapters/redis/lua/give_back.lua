-- Put an entry back if it is still held. KEYS: stream, origins. ARGV: group, consumer, entry, times leased.
-- Returns whether all is well: false if somebody removed the entry from the stream.
local stream, group, consumer, entry, times = KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if holds(stream, group, consumer, entry, times) then
    if not put_back(stream, group, KEYS[2], entry) then return 0 end
end
return 1
