-- Forget entries that every group has finished, and consumers that hold nothing and were not seen for long.
-- KEYS: stream. ARGV: group, ms after which a consumer counts as gone.
-- Returns how many entries were forgotten; -1 if the stream has groups, and not this one.
local stream, group = KEYS[1], ARGV[1]

-- The first entry that a group has not finished, or the place where it will come.
local function oldest_unfinished(info)
    if info['pending'] > 0 then
        return redis.call('XPENDING', stream, info['name'])[2]
    end
    local ms, seq = string.match(info['last-delivered-id'], '^(%d+)-(%d+)$')
    return ms .. '-' .. string.format('%.0f', tonumber(seq) + 1)
end

local groups = groups_of(stream)
if groups[group] == nil then return next(groups) and -1 or 0 end
for _, each in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    local consumer = as_map(each)
    -- Names with a dot before them are not of workers: one marks the group.
    local is_worker = string.sub(consumer['name'], 1, 1) ~= '.'
    if is_worker and consumer['pending'] == 0 and consumer['idle'] > tonumber(ARGV[2]) then
        redis.call('XGROUP', 'DELCONSUMER', stream, group, consumer['name'])
    end
end
local limit = nil
for _, info in pairs(groups) do
    local oldest = oldest_unfinished(info)
    if limit == nil or before(oldest, limit) then limit = oldest end
end
return redis.call('XTRIM', stream, 'MINID', limit)
