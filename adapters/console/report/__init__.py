"""A night as one file."""
