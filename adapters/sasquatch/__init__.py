"""Measurements uploaded to Sasquatch."""
