"""One suite per port, run on fake and real adapters alike."""
