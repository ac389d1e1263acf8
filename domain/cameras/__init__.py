"""Cameras: detectors, focal plane, and the rules by which headers are read."""
