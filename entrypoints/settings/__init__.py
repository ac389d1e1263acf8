"""What each process is told by its environment, one class for each process."""
