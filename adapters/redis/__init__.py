"""Queue, control notes, ledger, claims and raw index on Redis.

What must be atomic is one Lua script each, in the folder ``lua``; the keys are
listed in ``docs/redis-keys.md``. The server is one Redis, not a cluster:
scripts name keys of several kinds.
"""
