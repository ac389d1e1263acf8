"""What was found in difference images."""

import enum
import math
from collections import Counter
from collections.abc import Iterable, Mapping

from attrs import frozen

from domain.results.designations import body_name

__all__ = [
    "DiaSource",
    "ForcedSource",
    "ObjectOrder",
    "ObjectSummary",
    "SourceOrder",
    "SourceQuery",
    "true_kind_of",
]


@frozen(kw_only=True)
class DiaSource:
    """One source of a difference image; columns of the APDB under short names."""

    source_id: int
    object_id: int
    """0 of a source without an object, such as a known body of the Solar System."""
    visit: int
    detector: int
    band: str
    mjd: float
    """Midpoint of the exposure, days TAI."""
    ra: float
    """Degrees ICRS."""
    dec: float
    """Degrees ICRS."""
    x: float
    """Pixels of the trimmed frame, from 0."""
    y: float
    """Pixels of the trimmed frame, from 0."""
    snr: float
    flux: float
    """Of the difference, nJy."""
    flux_err: float
    """Nanojansky."""
    science_flux: float
    """In the calibrated image, nJy; NaN if it was not measured."""
    ra_err: float = math.nan
    """Degrees on the sky."""
    dec_err: float = math.nan
    """Degrees."""
    template_flux: float = math.nan
    """Of the template at its place, nJy."""
    reliability: float = math.nan
    """From 0, an artefact, to 1; NaN if nobody has judged."""
    body_id: int = 0
    """Of the known body of the Solar System that it is; 0 of any other."""

    @property
    def body(self) -> str:
        """Designation of the known body that it is; blank of any other."""
        return body_name(self.body_id)


@frozen(kw_only=True)
class ForcedSource:
    """What is measured at the place of an object on one exposure, whether it is seen there or not."""

    object_id: int
    visit: int
    detector: int
    band: str
    mjd: float
    """Midpoint of the exposure, days TAI."""
    flux: float
    """Of the difference, nJy."""
    flux_err: float
    """Nanojansky."""
    science_flux: float
    """In the calibrated image, nJy."""
    science_flux_err: float
    """Nanojansky."""


@frozen(kw_only=True)
class ObjectSummary:
    """One DiaObject, by its sightings among those that were asked for."""

    object_id: int
    sightings: int
    ra: float
    """Degrees ICRS, mean."""
    dec: float
    """Degrees ICRS, mean."""
    first: float
    """Days TAI."""
    last: float
    """Days TAI."""
    faintest: float
    """Least flux of the differences, nJy."""
    brightest: float
    """Greatest flux of the differences, nJy."""
    range_mag: float
    """Of the flux in the calibrated images, magnitudes; NaN if it is not known, or of one sighting."""
    strongest: int
    """The DiaSource with the highest signal to noise."""


class SourceOrder(enum.StrEnum):
    """By what DiaSources are listed; then by time, detector and identifier."""

    TIME = "time"
    SNR = "snr"
    """The highest signal to noise first."""
    FLUX = "flux"
    """The greatest change first, of either sign."""


class ObjectOrder(enum.StrEnum):
    """By what objects are listed; then by identifier."""

    SIGHTINGS = "sightings"
    """Those seen most often first."""
    ONCE = "once"
    """Those seen least often first, of these the one with the highest signal to noise."""
    SNR = "snr"
    """The highest signal to noise of a sighting first."""
    LAST = "last"
    """Those seen last first."""


@frozen(kw_only=True)
class SourceQuery:
    """Which DiaSources are meant; every condition that is set must hold."""

    visit: int | None = None
    detector: int | None = None
    object_id: int | None = None
    band: str | None = None
    snr_at_least: float = 0.0
    """0 admits those too of which it is not known."""
    since: float = -math.inf
    """Days TAI."""
    until: float = math.inf
    """Days TAI."""

    def admits(self, source: DiaSource) -> bool:
        """Tell whether a source is meant."""
        wanted = (self.visit, self.detector, self.object_id, self.band)
        has = (source.visit, source.detector, source.object_id, source.band)
        return (
            all(want in {None, have} for want, have in zip(wanted, has, strict=True))
            and (self.snr_at_least <= 0 or source.snr >= self.snr_at_least)
            and self.since <= source.mjd <= self.until
        )


def true_kind_of(sources: Iterable[DiaSource], kinds: Mapping[int, str]) -> str:
    """Say what most of some sightings truly are, by the kinds of DiaSources; blank if none is known."""
    counts = Counter(kinds[one.source_id] for one in sources if one.source_id in kinds)
    return counts.most_common(1)[0][0] if counts else ""
