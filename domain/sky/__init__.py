"""Positions and angles on the sky."""
