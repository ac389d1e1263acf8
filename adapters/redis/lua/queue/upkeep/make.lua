-- Make stream and group if there are none. KEYS: those of common. ARGV: group.
if groups_of(STREAM)[ARGV[1]] == nil then
    redis.call('XGROUP', 'CREATE', STREAM, ARGV[1], '0', 'MKSTREAM')
end
