"""Headers of raw files, read by a camera's rules."""
