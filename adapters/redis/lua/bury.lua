-- Set an announcement aside, unless it is what was set aside last. KEYS: stream.
-- ARGV: how many to keep, position, reason, bytes of the body, body (or its beginning).
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
if last then
    for i = 1, #last[2], 2 do
        if last[2][i] == 'position' and last[2][i + 1] == ARGV[2] then return end
    end
end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*',
    'position', ARGV[2], 'reason', ARGV[3], 'bytes', ARGV[4], 'body', ARGV[5])
