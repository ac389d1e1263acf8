"""Bodies of the Solar System, and the orbits that are published of them."""
