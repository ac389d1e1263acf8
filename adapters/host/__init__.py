"""The machine that a process runs on: its clock, memory, folders and astropy's IERS tables."""
