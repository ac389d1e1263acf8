"""What several adapters need and no port is about."""
