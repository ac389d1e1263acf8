"""The simulated sky and its frames."""
