-- Put before the scripts that look at consumer groups.

local function as_map(list)
    local map = {}
    for i = 1, #list, 2 do map[list[i]] = list[i + 1] end
    return map
end

-- What the server knows of each group; nothing if there is no stream.
local function groups_of(stream)
    local groups = {}
    if redis.call('EXISTS', stream) == 1 then
        for _, each in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
            local info = as_map(each)
            groups[info['name']] = info
        end
    end
    return groups
end

local function parts(id)
    local ms, seq = string.match(id, '^(%d+)-(%d+)$')
    return tonumber(ms), tonumber(seq)
end

local function before(left, right)
    local left_ms, left_seq = parts(left)
    local right_ms, right_seq = parts(right)
    return left_ms < right_ms or (left_ms == right_ms and left_seq < right_seq)
end
