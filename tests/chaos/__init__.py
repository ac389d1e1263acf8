"""Whole nights of real processes, broken by a seeded plan, and what must be true of them afterwards."""
