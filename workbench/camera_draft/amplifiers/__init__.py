"""The amplifiers of a detector: where they are in its frames and on it, their gain and noise."""
