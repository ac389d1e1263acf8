-- Read entries in their order; with the last of them what is postponed, as it is at that moment.
-- KEYS: those of common. ARGV: position, how many at most.
-- Returns {entries, names and values of what is postponed}.
local page = redis.call('XRANGE', STREAM, ARGV[1], '+', 'COUNT', ARGV[2])
local delayed = {}
if #page < tonumber(ARGV[2]) then
    for _, member in ipairs(redis.call('ZRANGE', DELAYED, 0, -1)) do
        local kept = unpacked(member)
        delayed[#delayed + 1] = {unpack(kept, 4)}
    end
end
return {page, delayed}
