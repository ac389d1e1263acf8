-- Note a visit that is not published, unless it was. KEYS: mark of the visit.
-- ARGV: names and values of its fields as JSON, ms to keep them.
if redis.call('HEXISTS', KEYS[1], 'digest') == 0 then
    redis.call('HSET', KEYS[1], 'visit', ARGV[1])
    redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
