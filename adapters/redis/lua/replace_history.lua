-- Replace a history if it is still as it was read, and take the claims that go with the change: all or nothing.
-- KEYS: histories of a visit, visits of the instrument, then the claims on each exposure.
-- ARGV: detector, history as it was read ('' if none), history as it shall be, seconds to keep it, group,
--       the attempt that claims.
-- Returns {'done'}, {'changed'} or {'claimed', number of the exposure among the keys, holder}.
local histories, visits, detector = KEYS[1], KEYS[2], ARGV[1]
local current = redis.call('HGET', histories, detector) or ''
-- If it already is as it shall be, this is the repetition of a call whose answer was lost.
if current ~= ARGV[2] and current ~= ARGV[3] then return {'changed'} end
for i = 3, #KEYS do
    local holder = redis.call('HGET', KEYS[i], detector)
    if holder and holder ~= ARGV[6] then return {'claimed', i - 2, holder} end
end
for i = 3, #KEYS do
    redis.call('HSET', KEYS[i], detector, ARGV[6])
    redis.call('EXPIRE', KEYS[i], ARGV[4])
end
local now = redis.call('TIME')
redis.call('HSET', histories, detector, ARGV[3])
redis.call('EXPIRE', histories, ARGV[4])
redis.call('ZADD', visits, now[1], ARGV[5])
redis.call('ZREMRANGEBYSCORE', visits, '-inf', '(' .. string.format('%.0f', now[1] - ARGV[4]))
redis.call('EXPIRE', visits, ARGV[4])
return {'done'}
