"""Ledger, queue and journal of frames in SQLite files: one machine, a few workers."""
