-- Take a step, and tell how far the queue has come. KEYS: those of common, steps. ARGV: group.
-- Returns {incarnation ('0': there is no group), last entry, steps, what tells removals of entries apart that
-- nobody had leased ('': none is known)}.
local group, steps = ARGV[1], redis.call('INCR', KEYS[6])
if redis.call('EXISTS', STREAM) == 0 then return {'0', '0-0', steps, ''} end
local stream, mine = as_map(redis.call('XINFO', 'STREAM', STREAM)), groups_of(STREAM)[group]
local last = stream['last-generated-id']
if mine == nil then return {'0', last, steps, ''} end
local deleted, added, read = stream['max-deleted-entry-id'], stream['entries-added'], mine['entries-read']
if added == nil then return {incarnation(group), last, steps, ''} end  -- Before Redis 7.
if mine['last-delivered-id'] == '0-0' then read = 0 end
local removed, gap = added - stream['length'], ''
-- More entries are gone than the group has read, or one behind the last that it was given.
if (read and removed > read) or before(mine['last-delivered-id'], deleted) then
    gap = deleted .. ' ' .. string.format('%.0f', removed)
end
return {incarnation(group), last, steps, gap}
