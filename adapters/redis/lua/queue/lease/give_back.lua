-- Put an entry back if it is still held. KEYS: those of common. ARGV: group, consumer, entry, times leased, incarnation.
-- Returns whether all is well: false if somebody removed the entry from the stream and nobody kept its fields.
local group, consumer, entry, times, under = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if holds(group, consumer, entry, times, under) then
    if not put_back(group, entry) then return 0 end
end
return 1
