"""A night in one process, for rehearsals and tests: the production containers with adapters in memory."""
