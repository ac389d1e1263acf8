"""Visits, detectors, raws, output runs, outcomes, and the rules over them.

Values and functions only: nothing here reads a clock, a file or a socket.
"""
