"""A visit-detector's time and memory."""
