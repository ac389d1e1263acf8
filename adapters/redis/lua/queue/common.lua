-- Put before the scripts of the queue; what they share.
-- The first KEYS of each: stream, origins, leased, delayed, incarnation.
local STREAM, ORIGINS, LEASED, DELAYED, INCARNATION = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]

-- More values than this cannot be passed to a command at once.
local MOST_VALUES = 4000

-- Seconds for which what is kept beside entries outlives the last of them.
local KEPT_SECONDS = 7 * 86400

-- A consumer that holds nothing, by which a group shows that it is the one that was there before.
local MARKER = '.incarnation'

-- Milliseconds since 1970.
local function now()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function raise_incarnation(group, at_least)
    local raised = string.format('%.0f', math.max(now(), at_least))
    redis.call('HSET', INCARNATION, group, raised)
    return raised
end

-- The incarnation of the queue, which is raised here if stream, group or marker was made anew.
-- Fails with NOGROUP if there is no group.
local function incarnation(group)
    redis.call('XPENDING', STREAM, group, '-', '+', 1)
    local kept = redis.call('HGET', INCARNATION, group)
    local is_new = redis.call('XGROUP', 'CREATECONSUMER', STREAM, group, MARKER) == 1
    if kept and not is_new then return kept end
    return raise_incarnation(group, tonumber(kept or 0) + 1)
end

-- Say whether the consumer has this very lease on the entry.
local function holds(group, consumer, entry, times, under)
    local pending = redis.call('XPENDING', STREAM, group, entry, entry, 1)[1]
    if pending == nil or pending[2] ~= consumer or pending[4] ~= tonumber(times) then return false end
    return under == incarnation(group)
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

-- The entry under which the work first came, and the attempt that was left open when it was postponed ('0': none).
local function origin_of(entry)
    local kept = redis.call('HGET', ORIGINS, entry)
    if not kept then return entry, '0' end
    local origin, open = string.match(kept, '^(%S+) (%d+)$')
    return origin or kept, open or '0'
end

-- Add the fields of work that was in the queue before. Returns the new entry.
local function add_again(fields, origin, open)
    local added = redis.call('XADD', STREAM, '*', unpack(fields))
    redis.call('HSET', ORIGINS, added, open == '0' and origin or origin .. ' ' .. open)
    redis.call('EXPIRE', ORIGINS, KEPT_SECONDS)
    return added
end

-- Put back what was postponed and is due, as much as one script may. Returns how many.
local function put_back_due(most)
    local due = redis.call('ZRANGEBYSCORE', DELAYED, '-inf', string.format('%.0f', now()), 'LIMIT', 0, most)
    for _, member in ipairs(due) do
        local kept = unpacked(member)
        local origin, open = table.remove(kept, 1), table.remove(kept, 1)
        table.remove(kept, 1)
        add_again(kept, origin, open)
        redis.call('ZREM', DELAYED, member)
    end
    return #due
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
    local added = add_again(fields, origin_of(entry))
    finish(group, entry)
    return added
end
