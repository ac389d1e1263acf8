"""Calibration, detection and difference pipelines for cameras without a package of Rubin's.

Nothing here knows of the services around it: it sees the Butler and pixels.
The names of its classes are written into repositories, so they are a public
interface and must not change.
"""
