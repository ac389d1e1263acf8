"""The worker's use cases: from the lease of a visit-detector to its outcome."""
