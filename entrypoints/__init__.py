"""Processes: their settings, their containers, and the command line."""
