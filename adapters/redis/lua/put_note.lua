-- Write a note and, of a cancellation, its tombstone. KEYS: control stream and, of a cancellation, tombstone.
-- ARGV: ms to keep them, then the names and values of the note.
local time = redis.call('TIME')
local limit = string.format('%.0f', time[1] * 1000 - ARGV[1])
redis.call('XADD', KEYS[1], 'MINID', '~', limit, '*', unpack(ARGV, 2))
if KEYS[2] then redis.call('SET', KEYS[2], 1, 'PX', ARGV[1]) end
