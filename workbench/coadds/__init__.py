"""Templates that last: patches of all the sky, made from the frames of earlier nights, in versions."""
