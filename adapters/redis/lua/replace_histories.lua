-- Replace histories of one visit, each if it is still as it was read, and take the claims that go with the change:
-- all claims or none, and without them no change.
-- KEYS: histories of the visit, visits of the instrument, then the claims on each exposure.
-- ARGV: seconds to keep them, group, the attempt that claims, then for each history: detector, as it was read
--       ('' if there was none), as it shall be.
-- Returns {'done', the detectors whose histories were changed by others} or
-- {'claimed', number of the exposure among the keys, holder}.

-- Attempts on the same work are told apart by its history.
local function work_of(holder) return string.match(holder, '^(.*) %d+$') or holder end

local histories, visits, claimant, answer, replaced = KEYS[1], KEYS[2], ARGV[3], {'done'}, {}
for i = 4, #ARGV, 3 do
    local current = redis.call('HGET', histories, ARGV[i]) or ''
    -- If it already is as it shall be, this is the repetition of a call whose answer was lost.
    if current == ARGV[i + 1] or current == ARGV[i + 2] then
        replaced[#replaced + 1] = i
    else
        answer[#answer + 1] = ARGV[i]
    end
end
if #replaced == 0 then return answer end
for k = 3, #KEYS do
    for _, i in ipairs(replaced) do
        local holder = redis.call('HGET', KEYS[k], ARGV[i])
        if holder and work_of(holder) ~= work_of(claimant) then return {'claimed', k - 2, holder} end
    end
end
for k = 3, #KEYS do
    for _, i in ipairs(replaced) do redis.call('HSET', KEYS[k], ARGV[i], claimant) end
    redis.call('EXPIRE', KEYS[k], ARGV[1])
end
for _, i in ipairs(replaced) do redis.call('HSET', histories, ARGV[i], ARGV[i + 2]) end
local now = redis.call('TIME')[1]
redis.call('EXPIRE', histories, ARGV[1])
redis.call('ZADD', visits, now, ARGV[2])
redis.call('ZREMRANGEBYSCORE', visits, '-inf', '(' .. string.format('%.0f', now - ARGV[1]))
redis.call('EXPIRE', visits, ARGV[1])
return answer
