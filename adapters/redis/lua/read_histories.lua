-- KEYS: histories of a visit. ARGV: detectors. Returns {seconds, microseconds, then a history or false for each}.
local time = redis.call('TIME')
local answer = {time[1], time[2]}
for i = 1, #ARGV do answer[#answer + 1] = redis.call('HGET', KEYS[1], ARGV[i]) end
return answer
