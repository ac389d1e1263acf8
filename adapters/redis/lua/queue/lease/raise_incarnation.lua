-- Raise the incarnation of the queue if it is lower. KEYS: those of common. ARGV: group, how high it is to be at least.
if tonumber(incarnation(ARGV[1])) < tonumber(ARGV[2]) then raise_incarnation(ARGV[1], tonumber(ARGV[2])) end
