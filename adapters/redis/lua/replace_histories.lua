-- Replace histories of one visit, each if it is still as it was read.
-- KEYS: histories of the visit, visits of the instrument.
-- ARGV: seconds to keep them, group, then for each: detector, history as it was read ('' if none), as it shall be.
-- Returns the detectors whose histories were changed by others.
local histories, visits, changed, done = KEYS[1], KEYS[2], {}, false
for i = 3, #ARGV, 3 do
    local current = redis.call('HGET', histories, ARGV[i]) or ''
    if current == ARGV[i + 1] then
        redis.call('HSET', histories, ARGV[i], ARGV[i + 2])
        done = true
    elseif current ~= ARGV[i + 2] then
        changed[#changed + 1] = ARGV[i]
    end
end
if done then
    local now = redis.call('TIME')[1]
    redis.call('EXPIRE', histories, ARGV[1])
    redis.call('ZADD', visits, now, ARGV[2])
    redis.call('ZREMRANGEBYSCORE', visits, '-inf', '(' .. string.format('%.0f', now - ARGV[1]))
    redis.call('EXPIRE', visits, ARGV[1])
end
return changed
