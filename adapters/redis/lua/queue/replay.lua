-- Put a dead letter back as a new entry with its origin, and remove it, if it is there.
-- KEYS: those of common, dead letters. ARGV: id of the letter.
-- Returns the new entry, or nothing if the letter is there no more.
local found = redis.call('XRANGE', KEYS[6], ARGV[1], ARGV[1])[1]
if not found then return false end
local fields, origin, first = found[2], found[2][4], 5
-- Letters of older releases do not tell the origin.
if fields[5] == 'dead_origin' then origin, first = fields[6], 7 end
-- A letter without fields came of an entry that somebody had removed.
if #fields < first then return false end
local added = add_again({unpack(fields, first)}, origin, '0')
redis.call('XDEL', KEYS[6], ARGV[1])
return added
