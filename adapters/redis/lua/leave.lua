-- Remove a consumer that holds nothing. Entries that were sent to it and never arrived are put back first.
-- KEYS: stream, origins. ARGV: group, consumer, then the entries that it knows it holds.
local stream, group, consumer = KEYS[1], ARGV[1], ARGV[2]
local known = {}
for i = 3, #ARGV do known[ARGV[i]] = true end
for _, pending in ipairs(redis.call('XPENDING', stream, group, '-', '+', #ARGV + 10, consumer)) do
    if not known[pending[1]] then
        put_back(stream, group, KEYS[2], pending[1])
    end
end
-- Removing a consumer drops what it holds: never do that.
if #redis.call('XPENDING', stream, group, '-', '+', 1, consumer) == 0 then
    redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer)
end
