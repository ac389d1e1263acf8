-- Put entries back whose lease ran out. KEYS: stream, origins. ARGV: group, lease in ms, how many at most.
-- Returns {put back, looked at}.
local stream, origins, group = KEYS[1], KEYS[2], ARGV[1]
if groups_of(stream)[group] == nil then return {0, 0} end
local expired = redis.call('XPENDING', stream, group, 'IDLE', ARGV[2], '-', '+', ARGV[3])
local count = 0
for _, pending in ipairs(expired) do
    if put_back(stream, group, origins, pending[1]) then
        count = count + 1
    end
end
return {count, #expired}
