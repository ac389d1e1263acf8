"""A light curve, placed for drawing without a script."""

import math
from collections.abc import Sequence
from typing import Final

from attrs import frozen

from adapters.console.view.sightings import Sighting

__all__ = ["CurvePoint", "LightCurve", "light_curve_of"]

_WIDTH: Final = 560.0
_HEIGHT: Final = 150.0
_MARGIN: Final = 0.08
"""Share of the extent that is left free at each edge."""
_SIGNS: Final = "●■◆▲"
"""Of bands, one after the other."""


@frozen(kw_only=True)
class CurvePoint:
    """One sighting; y goes down, as on a screen."""

    x: float
    y: float
    low: float
    """Lower end of its bar."""
    high: float
    sign: str
    band: int
    """Place of its band among all of the curve."""
    title: str


@frozen(kw_only=True)
class LightCurve:
    """Fluxes of an object against time."""

    points: Sequence[CurvePoint]
    bands: Sequence[tuple[str, str]]
    """Name and sign."""
    is_of_difference: bool
    """Whether the fluxes are those of the differences, else of the calibrated images."""
    faintest: float
    """Nanojansky, as the next."""
    brightest: float
    first: float
    """Days TAI, as the next."""
    last: float
    width: float = _WIDTH
    height: float = _HEIGHT


def light_curve_of(sightings: Sequence[Sighting]) -> LightCurve | None:
    """Place the sightings of an object; None of fewer than two with a flux."""
    of_difference = not any(math.isfinite(one.source.science_flux) for one in sightings)
    known = [
        (one, flux)
        for one in sightings
        if math.isfinite(flux := one.source.flux if of_difference else one.source.science_flux)
    ]
    if len(known) < 2:
        return None
    bands = sorted({one.source.band for one, _ in known})
    errors = [one.source.flux_err if math.isfinite(one.source.flux_err) else 0.0 for one, _ in known]
    across = _Scale.of([one.source.mjd for one, _ in known], _WIDTH)
    up = _Scale.of(
        [flux + side * error for (_, flux), error in zip(known, errors, strict=True) for side in (-1, 1)],
        _HEIGHT,
    )
    points = [
        CurvePoint(
            x=across.place(one.source.mjd),
            y=_HEIGHT - up.place(flux),
            low=_HEIGHT - up.place(flux - error),
            high=_HEIGHT - up.place(flux + error),
            sign=_SIGNS[bands.index(one.source.band) % len(_SIGNS)],
            band=bands.index(one.source.band),
            title=f"MJD {one.source.mjd:.5f} TAI, {one.source.band or '-'}: {flux:,.0f} ± {error:,.0f} nJy",
        )
        for (one, flux), error in zip(known, errors, strict=True)
    ]
    fluxes = [flux for _, flux in known]
    return LightCurve(
        points=points,
        bands=[(band, _SIGNS[place % len(_SIGNS)]) for place, band in enumerate(bands)],
        is_of_difference=of_difference,
        faintest=min(fluxes),
        brightest=max(fluxes),
        first=min(one.source.mjd for one, _ in known),
        last=max(one.source.mjd for one, _ in known),
    )


@frozen
class _Scale:
    low: float
    high: float
    size: float

    @classmethod
    def of(cls, values: Sequence[float], size: float) -> "_Scale":
        low, high = min(values), max(values)
        margin = (high - low) * _MARGIN or 1.0
        return cls(low - margin, high + margin, size)

    def place(self, value: float) -> float:
        return round((value - self.low) / (self.high - self.low) * self.size, 1)
