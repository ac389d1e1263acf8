-- Finish an entry if it is still held. KEYS: those of common. ARGV: group, consumer, entry, times leased.
local group, consumer, entry, times = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if holds(group, consumer, entry, times) then
    finish(group, entry)
end
