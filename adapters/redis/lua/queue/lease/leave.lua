-- Remove a consumer that holds nothing. Entries that were sent to it and never arrived are put back first.
-- KEYS: those of common. ARGV: group, consumer, then the entries that it knows it holds.
local group, consumer = ARGV[1], ARGV[2]
local known = {}
for i = 3, #ARGV do known[ARGV[i]] = true end
for _, pending in ipairs(redis.call('XPENDING', STREAM, group, '-', '+', #ARGV + 10, consumer)) do
    if not known[pending[1]] then
        put_back(group, pending[1])
    end
end
-- Removing a consumer drops what it holds: never do that.
if #redis.call('XPENDING', STREAM, group, '-', '+', 1, consumer) == 0 then
    redis.call('XGROUP', 'DELCONSUMER', STREAM, group, consumer)
end
