"""Folders of files: incoming frames, and the store in which raws are kept."""
