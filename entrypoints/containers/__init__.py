"""Which adapter stands behind which port: one container for each process."""
