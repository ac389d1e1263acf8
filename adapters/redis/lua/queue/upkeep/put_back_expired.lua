-- Put entries back whose lease ran out. KEYS: those of common. ARGV: group, lease in ms, how many at most.
-- Returns {put back, those of them that somebody had removed from the stream, looked at}.
local group = ARGV[1]
if groups_of(STREAM)[group] == nil then return {0, 0, 0} end
local expired = redis.call('XPENDING', STREAM, group, 'IDLE', ARGV[2], '-', '+', ARGV[3])
local count, restored = 0, 0
for _, pending in ipairs(expired) do
    local was_there = is_in_stream(pending[1])
    if put_back(group, pending[1]) then
        count = count + 1
        if not was_there then restored = restored + 1 end
    end
end
return {count, restored, #expired}
