"""Ledger and claims in one SQLite file, for a laptop: one machine, a few workers."""
