-- Add copies of a visit that the stream has lost, with the mark if that is lost too.
-- KEYS: stream, mark of the visit, steps.
-- ARGV: digest of the contents, when sent, ms to keep the mark, what tells this call from others,
--       number of shared field names and values, these, then the detectors. Returns how many copies were added.
local stream, mark, digest, call, shared = KEYS[1], KEYS[2], ARGV[1], ARGV[4], tonumber(ARGV[5])
local fields, copies = {}, #ARGV - 5 - shared
-- The repetition of a call whose answer was lost.
if copies == 0 or redis.call('HGET', mark, 'restored') == call then return copies end
for i = 6, 5 + shared do fields[#fields + 1] = ARGV[i] end
if redis.call('HEXISTS', mark, 'digest') == 0 then
    redis.call('HSET', mark, 'digest', digest, 'revision', 1, digest, 1, 'sent:' .. digest, ARGV[2],
        'visit', cjson.encode(fields))
end
redis.call('HSET', mark, 'restored', call)
redis.call('PEXPIRE', mark, ARGV[3])
fields[shared + 1] = 'detector'
for i = 6 + shared, #ARGV do
    fields[shared + 2] = ARGV[i]
    redis.call('XADD', stream, '*', unpack(fields))
end
redis.call('INCR', KEYS[3])
return copies
