"""Redis: the queue of visit-detectors and what goes with it."""
