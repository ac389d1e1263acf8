-- Put before the scripts of the queue; what they share. The first KEYS of each: stream, origins, leased.
local STREAM, ORIGINS, LEASED = KEYS[1], KEYS[2], KEYS[3]

-- More values than this cannot be passed to a command at once.
local MOST_VALUES = 4000

-- Seconds for which what is kept beside entries outlives the last of them.
local KEPT_SECONDS = 7 * 86400

-- Say whether the consumer has this very lease on the entry.
local function holds(group, consumer, entry, times)
    local pending = redis.call('XPENDING', STREAM, group, entry, entry, 1)[1]
    return pending ~= nil and pending[2] == consumer and pending[4] == tonumber(times)
end

local function is_in_stream(entry)
    return redis.call('XRANGE', STREAM, entry, entry)[1] ~= nil
end

-- Write names and values as one string; not as JSON, since they may be any bytes.
local function packed(fields)
    local parts = {}
    for i, each in ipairs(fields) do parts[i] = #each .. ':' .. each end
    return table.concat(parts)
end

local function unpacked(kept)
    local fields, position = {}, 1
    while position <= #kept do
        local colon = string.find(kept, ':', position, true)
        local last = colon + tonumber(string.sub(kept, position, colon - 1))
        fields[#fields + 1] = string.sub(kept, colon + 1, last)
        position = last + 1
    end
    return fields
end

-- The names and values of an entry, from what was kept when it was leased if somebody removed it since.
local function fields_of(entry)
    local found = redis.call('XRANGE', STREAM, entry, entry)[1]
    if found then return found[2] end
    local kept = redis.call('HGET', LEASED, entry)
    return kept and unpacked(kept) or nil
end

-- Take an entry out of the group's hands, finished.
local function finish(group, entry)
    redis.call('XACK', STREAM, group, entry)
    redis.call('HDEL', ORIGINS, entry)
    redis.call('HDEL', LEASED, entry)
end

-- Add the same fields again and finish the old entry. Returns the new entry,
-- or nil if nobody knows the old one's fields or it is too large to be copied.
local function put_back(group, entry)
    local fields = fields_of(entry)
    if fields == nil then
        finish(group, entry)
        return nil
    end
    if #fields > MOST_VALUES then
        return nil
    end
    local origin = redis.call('HGET', ORIGINS, entry) or entry
    local added = redis.call('XADD', STREAM, '*', unpack(fields))
    finish(group, entry)
    redis.call('HSET', ORIGINS, added, origin)
    redis.call('EXPIRE', ORIGINS, KEPT_SECONDS)
    return added
end
