"""Files of raws: whether one is whole, which of its images is the frame, and what its cards say.

Ingest, tasks and replay read raws by these modules, so that none takes what another refuses. They know
FITS and numpy, and nothing of this project.
"""
