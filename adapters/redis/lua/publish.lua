-- Add the copies of a visit and its mark, all or nothing.
-- KEYS: stream, mark of the visit, control stream, steps.
-- ARGV: digest of the contents, when sent, ms to keep the mark, instrument, group, detectors as JSON,
--       ms to keep control notes, number of shared field names and values, these, then the detectors.
-- Returns {'new' | 'repeated' | 'changed', revision, copies}.
local stream, mark, control = KEYS[1], KEYS[2], KEYS[3]
local digest, sent = ARGV[1], ARGV[2]
local current = redis.call('HMGET', mark, 'digest', 'revision', 'sent:' .. digest)
local newest, revision, sent_before = current[1], tonumber(current[2] or '0'), current[3]

-- An older revision counts as read again unless it was sent again.
if newest == digest or (sent_before and tonumber(sent) <= tonumber(sent_before)) then
    return {'repeated', revision, 0}
end

revision = revision + 1
local shared = tonumber(ARGV[8])
local fields = {}
for i = 9, 8 + shared do fields[#fields + 1] = ARGV[i] end

redis.call('HSET', mark, 'digest', digest, 'revision', revision, digest, revision, 'sent:' .. digest, sent,
    'visit', cjson.encode(fields))
redis.call('PEXPIRE', mark, ARGV[3])
if newest then
    local time = redis.call('TIME')
    local limit = string.format('%.0f', time[1] * 1000 - ARGV[7])
    redis.call('XADD', control, 'MINID', '~', limit, '*', 'kind', 'superseded', 'instrument', ARGV[4],
        'groupId', ARGV[5], 'revision', revision, 'detectors', ARGV[6])
end
redis.call('INCR', KEYS[4])
local copies = 0
fields[shared + 1] = 'detector'
for i = 9 + shared, #ARGV do
    fields[shared + 2] = ARGV[i]
    redis.call('XADD', stream, '*', unpack(fields))
    copies = copies + 1
end
return {newest and 'changed' or 'new', revision, copies}
