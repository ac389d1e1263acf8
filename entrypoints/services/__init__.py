"""One module for each process that serves."""
