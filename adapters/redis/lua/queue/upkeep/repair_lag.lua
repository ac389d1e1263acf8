-- Tell the server the lag of a group if it has lost count or counts what is gone. KEYS: those of common. ARGV: group.
-- Returns 1 if it was told, -1 if that is of no avail, 0 if it knows.
local function lag_of(group)
    local mine = groups_of(STREAM)[group]
    return mine and mine['lag'], mine
end

local lag, mine = lag_of(ARGV[1])
if mine == nil then return 0 end
local stream = as_map(redis.call('XINFO', 'STREAM', STREAM))
if stream['entries-added'] == nil then return 0 end  -- Before Redis 7 there is no lag.
-- Redis 7.0 goes on counting entries that were trimmed unread.
local is_wrong = lag and lag > 0 and mine['last-delivered-id'] == stream['last-generated-id']
if lag and not is_wrong then return 0 end
local others = 0
for _ in pairs(groups_of(STREAM)) do others = others + 1 end
if others == 1 then
    -- That entries were removed which nobody had read is known by now; other groups would count with this.
    redis.pcall('XSETID', STREAM, stream['last-generated-id'],
        'ENTRIESADDED', stream['entries-added'], 'MAXDELETEDID', '0-1')
end
local last = mine['last-delivered-id']
local waiting = #redis.call('XRANGE', STREAM, '(' .. last, '+')
redis.pcall('XGROUP', 'SETID', STREAM, ARGV[1], last, 'ENTRIESREAD', stream['entries-added'] - waiting)
-- A server that refuses (fakeredis has no XSETID) goes on as it is.
lag = lag_of(ARGV[1])
return lag == waiting and 1 or -1
