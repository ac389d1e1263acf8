"""Tracklets in the format of the Minor Planet Center: ADES, version 2022, with columns parted by bars."""

import math
from collections.abc import Iterator, Sequence
from typing import Final

from attrs import frozen

from domain.movers.tracklet import Tracklet, ab_magnitude
from domain.results.designations import is_number
from domain.results.sources import DiaSource
from domain.times import TaiSeconds, utc_from_tai, utc_isoformat

__all__ = ["Observatory", "ades_text"]

_COLUMNS: Final = (
    "trkSub", "mode", "stn", "obsTime", "ra", "dec", "rmsRA", "rmsDec", "astCat", "mag", "rmsMag", "band",
    "logSNR",
)  # fmt: skip
_NAMES: Final = ("permID", "provID")
"""Columns of known bodies: their number, or else their provisional designation."""
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_MJD_OF_EPOCH: Final = 40_587
_LEAST, _MOST = 1e-4, 9.9999  # what is written of an error that is smaller, or larger


@frozen(kw_only=True)
class Observatory:
    """What the Minor Planet Center asks of who reports."""

    station: str = "XXX"
    """Code of the observatory; XXX stands for none yet."""
    observer: str = "unknown"
    """Who observed, measured and submits."""
    design: str = "unknown"
    """Of the telescope, such as Reflector."""
    aperture: float = 9999.0
    """Metres; 9999 if it is not known."""
    catalogue: str = "UNK"
    """Of the reference stars, such as Gaia3."""


def ades_text(tracklets: Sequence[Tracklet], observatory: Observatory) -> str:
    """Write tracklets as a file that can be sent once station, observer and telescope are true."""
    named = any(_body_of(one) for one in tracklets)
    columns = (*_NAMES, *_COLUMNS) if named else _COLUMNS
    return "\n".join([*_header(observatory), " | ".join(columns), *_rows(tracklets, observatory, named), ""])


def _body_of(tracklet: Tracklet) -> str:
    return next((one.body for one in tracklet.sightings if one.body), "")


def _header(observatory: Observatory) -> Iterator[str]:
    yield "# version=2022"
    parts = {
        "observatory": {"mpcCode": observatory.station},
        "submitter": {"name": observatory.observer},
        "observers": {"name": observatory.observer},
        "measurers": {"name": observatory.observer},
        "telescope": {
            "design": observatory.design,
            "aperture": f"{observatory.aperture:g}",
            "detector": "CCD",
        },
        "software": {"objectDetection": "Prompt Processing"},
    }
    for part, lines in parts.items():
        yield f"# {part}"
        yield from (f"! {name} {value}" for name, value in lines.items())


def _rows(tracklets: Sequence[Tracklet], observatory: Observatory, named: bool) -> Iterator[str]:
    for number, tracklet in enumerate(tracklets, 1):
        body = _body_of(tracklet)
        names = [f"T{_base36(int(tracklet.sightings[0].mjd))}{_base36(number):0>3}"]
        if named:
            names = [body.strip("()"), "", ""] if is_number(body) else ["", body, "" if body else names[0]]
        # The noise of a bright source is less than what positions are off.
        off = tracklet.rms / math.sqrt(2.0)
        for one in tracklet.sightings:
            yield " | ".join((*names, *_row(one, off, observatory)))


def _row(source: DiaSource, off: float, observatory: Observatory) -> Sequence[str]:
    at = utc_from_tai(TaiSeconds((source.mjd - _MJD_OF_EPOCH) * 86_400.0))
    errors = [_error(max(error * 3600.0, off)) for error in (source.ra_err, source.dec_err)]
    magnitude = ab_magnitude([source.flux])
    # Of the flux that the magnitude is of; that of the detection is of the peak in the filtered difference.
    snr = source.flux / source.flux_err if source.flux_err > 0 else math.nan
    return (
        "CCD", observatory.station, utc_isoformat(at), f"{source.ra:.7f}", f"{source.dec:+.7f}", *errors,
        observatory.catalogue, f"{magnitude:.2f}", _error(1.0857 / snr) if snr > 0 else "",
        source.band[:3] or "UNK", f"{math.log10(snr):.2f}" if snr > 0 else "",
    )  # fmt: skip


def _error(value: float) -> str:
    return f"{min(max(value, _LEAST), _MOST):.4f}" if math.isfinite(value) else ""


def _base36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text
