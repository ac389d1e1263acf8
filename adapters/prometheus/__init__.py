"""Metrics, and the port that serves them and the probes."""
