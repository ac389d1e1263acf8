"""Templates of a night of the past, made from its own exposures."""
