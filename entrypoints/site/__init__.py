"""A site on one server: made, run, looked at and stopped."""
