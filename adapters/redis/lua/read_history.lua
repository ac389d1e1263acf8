-- KEYS: histories of a visit. ARGV: detector. Returns {history or false, seconds, microseconds}.
local time = redis.call('TIME')
return {redis.call('HGET', KEYS[1], ARGV[1]), time[1], time[2]}
