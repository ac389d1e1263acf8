"""The alert production database, for those who look at it."""
