"""Reference catalogues: read from files, stored, and given to a night."""
