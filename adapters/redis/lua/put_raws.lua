-- Note where raws are. KEYS: one for each raw. ARGV: ms to keep them, then the URIs.
for i, key in ipairs(KEYS) do
    redis.call('SET', key, ARGV[i + 1], 'PX', ARGV[1])
end
