"""Files that hold several detectors: the HDUs of one, read without the rest."""
