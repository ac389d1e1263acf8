"""Ledger and claims in an SQL database: PostgreSQL, or a file of SQLite."""
