"""What of a night's sources a report shows: the strongest new objects, and those seen most often."""

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import evolve, frozen

from adapters.console.pictures.store import NoSuchPictureError, Pictures
from adapters.console.report.links import ReportLinks
from adapters.console.view.light_curve import LightCurve, light_curve_of
from adapters.console.view.sightings import TRIPLET, Sighting, Sightings
from domain.results.sources import ObjectSummary, SourceQuery
from ports.image_archive import ImageArchive, NoSuchImageError
from ports.source_archive import SourceArchive

__all__ = ["Finding", "add_pictures", "find"]

_SNR_AT_LEAST: Final = (100.0, 50.0, 20.0, 10.0, 0.0)
"""Tried one after the other until enough objects are that strong; not all of a night fit into memory."""
_CANDIDATES: Final = 200
_SIGHTINGS: Final = 500
"""Points of a light curve, at most."""
_SIZE: Final = 31
_ZOOM: Final = 3
_A_MOMENT: Final = 1e-5
"""Days; an exposure's sources have the same time."""


@frozen(kw_only=True)
class Finding:
    """An object, as a report shows it."""

    object: ObjectSummary
    strongest: Sighting
    curve: LightCurve | None
    is_new: bool
    """Whether this night saw it first."""


async def find(
    sources: SourceArchive, sightings: Sightings, exposures: Sequence[int], most: int
) -> Sequence[Finding]:
    """List the strongest new objects of a night, the strongest first, then others, most often seen first.

    Parameters
    ----------
    sources
        Of this night, maybe among others.
    sightings
        Finds the visits of sources.
    exposures
        Of the night.
    most
        How many of either kind.
    """
    night = await _night(sources, exposures)
    if night is None:
        return []
    new: list[tuple[ObjectSummary, Sighting]] = []
    for one, strongest in await _strongest(sources, sightings, night, most):
        if len(new) < most and not await sources.sources(_before(night, one), 1):
            new.append((one, strongest))
    known = {one.object_id for one, _ in new}
    often = [one for one in await sources.objects(night, 2 * most) if one.object_id not in known][:most]
    others = await _with_strongest(sources, sightings, often)
    return [
        Finding(
            object=one, strongest=strongest, curve=await _curve(sources, sightings, one, night), is_new=is_new
        )
        for found, is_new in ((new, True), (others, False))
        for one, strongest in found
    ]


async def add_pictures(
    links: ReportLinks, images: ImageArchive, pictures: Pictures, findings: Iterable[Finding]
) -> int:
    """Draw the cutouts of findings; tell of how many there are none."""
    without = 0
    for one in findings:
        spot, source = one.strongest, one.strongest.source
        try:
            kept = await images.images(spot.group, source.detector)
            shown = [image for image in kept if image.visit == source.visit and image.kind in TRIPLET]
            links.add_picture(spot, await pictures.cutouts(shown, source.x, source.y, _SIZE, _ZOOM))
        except (NoSuchImageError, NoSuchPictureError):
            without += 1
    return without


async def _night(sources: SourceArchive, exposures: Sequence[int]) -> SourceQuery | None:
    """Find when the first and the last exposure with sources were; None if none has any."""
    edges = []
    for order in (sorted(exposures), sorted(exposures, reverse=True)):
        for exposure in order:
            if found := await sources.sources(SourceQuery(visit=exposure), 1):
                edges.append(found[0].mjd)
                break
    return SourceQuery(since=min(edges) - _A_MOMENT, until=max(edges) + _A_MOMENT) if edges else None


async def _strongest(
    sources: SourceArchive, sightings: Sightings, night: SourceQuery, most: int
) -> Sequence[tuple[ObjectSummary, Sighting]]:
    found: Sequence[ObjectSummary] = []
    for snr in _SNR_AT_LEAST:
        found = await sources.objects(evolve(night, snr_at_least=snr), _CANDIDATES)
        if len(found) >= 2 * most:
            break
    pairs = await _with_strongest(sources, sightings, found)
    return sorted(pairs, key=lambda pair: -pair[1].source.snr)


async def _with_strongest(
    sources: SourceArchive, sightings: Sightings, found: Sequence[ObjectSummary]
) -> Sequence[tuple[ObjectSummary, Sighting]]:
    strongest = [await sources.source(one.strongest) for one in found]
    return list(zip(found, sightings.of(strongest), strict=True))


def _before(night: SourceQuery, one: ObjectSummary) -> SourceQuery:
    return SourceQuery(object_id=one.object_id, until=night.since)


async def _curve(
    sources: SourceArchive, sightings: Sightings, one: ObjectSummary, night: SourceQuery
) -> LightCurve | None:
    query = SourceQuery(object_id=one.object_id, until=night.until)
    return light_curve_of(sightings.of(await sources.sources(query, _SIGHTINGS)))
