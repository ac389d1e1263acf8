-- Put back what was postponed and is due. KEYS: those of common. ARGV: how many at most. Returns how many.
return put_back_due(tonumber(ARGV[1]))
