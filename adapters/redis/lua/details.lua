-- What is kept beside an entry. KEYS: origins and, of a readable entry, the mark of the visit.
-- ARGV: entry and, of a readable entry, the digest of the visit's contents.
-- Returns {origin or false, revision of these contents or false, newest revision or false}.
local origin = redis.call('HGET', KEYS[1], ARGV[1])
if KEYS[2] == nil then return {origin, false, false} end
local revisions = redis.call('HMGET', KEYS[2], ARGV[2], 'revision')
return {origin, revisions[1], revisions[2]}
