"""Files that people write: cameras, and the fan-out's configuration."""
