-- Tell where a group stands. KEYS: stream. ARGV: group.
-- Returns {last entry that was delivered, entries that are leased, in order}.
local stream, group = KEYS[1], ARGV[1]
local info = groups_of(stream)[group]
if info == nil then return {'0-0', {}} end
local leased = {}
for _, pending in ipairs(redis.call('XPENDING', stream, group, '-', '+', math.max(info['pending'], 1))) do
    leased[#leased + 1] = pending[1]
end
return {info['last-delivered-id'], leased}
