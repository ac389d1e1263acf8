"""Known bodies of the Solar System: their orbits, where they are seen, and which sources they are."""
