"""Drafting a camera file from frames."""
