-- Finish an entry if it is still held. KEYS: those of common. ARGV: group, consumer, entry, times leased, incarnation.
local group, consumer, entry, times, under = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if holds(group, consumer, entry, times, under) then
    finish(group, entry)
end
