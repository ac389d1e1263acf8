"""Files of frames, from where they appear to the queue."""
