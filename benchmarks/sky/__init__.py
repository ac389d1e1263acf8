"""What is found on the sky: how much of what is there, and how much that is not."""
