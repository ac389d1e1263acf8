"""Measurements kept in memory."""

from ports.measurements import Measurement

__all__ = ["MemoryMeasurements"]


class MemoryMeasurements:
    """Keeps all that it is given."""

    def __init__(self) -> None:
        self.kept: list[Measurement] = []

    def add(self, measurement: Measurement) -> None:
        """See `ports.measurements.Measurements.add`."""
        self.kept.append(measurement)
