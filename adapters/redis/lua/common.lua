-- Put before the scripts of the queue; what they share.

-- More values than this cannot be passed to a command at once.
local MOST_VALUES = 4000

-- Say whether the consumer has this very lease on the entry.
local function holds(stream, group, consumer, entry, times)
    local pending = redis.call('XPENDING', stream, group, entry, entry, 1)[1]
    return pending ~= nil and pending[2] == consumer and pending[4] == tonumber(times)
end

-- Take an entry out of the group's hands, finished.
local function finish(stream, group, origins, entry)
    redis.call('XACK', stream, group, entry)
    redis.call('HDEL', origins, entry)
end

-- Add the same fields again and finish the old entry. Returns the new entry,
-- or nil if the old one is no longer in the stream or too large to be copied.
local function put_back(stream, group, origins, entry)
    local found = redis.call('XRANGE', stream, entry, entry)[1]
    if found == nil then
        finish(stream, group, origins, entry)
        return nil
    end
    if #found[2] > MOST_VALUES then
        return nil
    end
    local origin = redis.call('HGET', origins, entry) or entry
    local added = redis.call('XADD', stream, '*', unpack(found[2]))
    finish(stream, group, origins, entry)
    redis.call('HSET', origins, added, origin)
    redis.call('EXPIRE', origins, 7 * 86400)
    return added
end
