-- Count what is waiting, leased, dead and postponed. KEYS: stream, dead letters, delayed. ARGV: group.
local stream = KEYS[1]
local dead, delayed = redis.call('XLEN', KEYS[2]), redis.call('ZCARD', KEYS[3])
local info = groups_of(stream)[ARGV[1]]
if info == nil then return {redis.call('XLEN', stream), 0, dead, delayed} end
local waiting = info['lag']
if not waiting then
    -- The server lost count, as it may when entries were removed by hand.
    waiting = #redis.call('XRANGE', stream, '(' .. info['last-delivered-id'], '+')
end
return {waiting, info['pending'], dead, delayed}
