"""Measurements of the figures that are promised; each module prints its own."""
