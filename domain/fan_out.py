"""Which detectors of an instrument get a copy of an announcement, and on which stream."""

from collections.abc import Mapping

from attrs import frozen

from domain.errors import PromptProcessingError
from domain.visit import Visit

__all__ = ["FanOutConfig", "UnconfiguredInstrumentError"]


class UnconfiguredInstrumentError(PromptProcessingError):
    """The fan-out's configuration does not name the instrument."""


@frozen(kw_only=True)
class FanOutConfig:
    """The fan-out's configuration file (docs/contracts/environment.md)."""

    streams: Mapping[str, str]
    """From instrument to the name of its stream."""
    detectors: Mapping[str, frozenset[int]]
    """The active ones of each instrument, and of the test visits ``{instrument}-TEST-{sal index}``."""

    def stream(self, instrument: str) -> str:
        """Name the stream of an instrument.

        Raises
        ------
        UnconfiguredInstrumentError
            Raised if it has none.
        """
        try:
            return self.streams[instrument]
        except KeyError:
            raise UnconfiguredInstrumentError(
                f"no stream is configured for instrument {instrument!r}"
            ) from None

    def all_detectors(self, instrument: str) -> frozenset[int]:
        """List the detectors that get a copy of any visit of an instrument, test visits included."""
        return frozenset().union(
            *(
                numbers
                for name, numbers in self.detectors.items()
                if name == instrument or name.startswith(f"{instrument}-TEST-")
            )
        )

    def active_detectors(self, visit: Visit) -> frozenset[int]:
        """List the detectors that get a copy of the visit.

        A test visit, known by its sal index, has a set of its own.

        Raises
        ------
        UnconfiguredInstrumentError
            Raised if no detectors are configured for the visit's instrument.
        """
        test_set = f"{visit.instrument}-TEST-{visit.sal_index}"
        for name in (test_set, visit.instrument):
            if name in self.detectors:
                return self.detectors[name]
        raise UnconfiguredInstrumentError(f"no detectors are configured for {visit.instrument!r}")
