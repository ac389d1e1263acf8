-- Tell where a group stands. KEYS: those of common. ARGV: group.
-- Returns {last entry that was delivered, entries that are leased, in order,
--          names and values of those of them that somebody removed from the stream}.
local group = ARGV[1]
local info = groups_of(STREAM)[group]
if info == nil then return {'0-0', {}, {}} end
local leased, removed = {}, {}
for _, pending in ipairs(redis.call('XPENDING', STREAM, group, '-', '+', math.max(info['pending'], 1))) do
    leased[#leased + 1] = pending[1]
    if not is_in_stream(pending[1]) then removed[#removed + 1] = fields_of(pending[1]) end
end
return {info['last-delivered-id'], leased, removed}
