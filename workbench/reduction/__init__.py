"""Single exposures, calibrated and measured without a visit of the service."""
