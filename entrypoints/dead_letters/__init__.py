"""The command for what could not be dealt with."""
