"""What of a night's findings a report shows: what is new, and what was seen most often."""

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import frozen

from adapters.console.pictures.store import NoSuchPictureError, Pictures
from adapters.console.report.links import ReportLinks
from adapters.console.view.light_curve import LightCurve, light_curve_of
from adapters.console.view.sightings import TRIPLET, Sighting, Sightings
from application.console.news import NightNews
from domain.evidence import Finding, Label
from ports.image_archive import ImageArchive, NoSuchImageError

__all__ = ["ShownFinding", "add_pictures", "shown_findings"]

_SIZE: Final = 31
_ZOOM: Final = 3


@frozen(kw_only=True)
class ShownFinding:
    """An object or a tracklet, as a report shows it."""

    of: Finding
    strongest: Sighting
    curve: LightCurve | None
    is_new: bool
    """Whether this night saw it first."""

    @property
    def anchor(self) -> str:
        """Where it stands in the report."""
        tracklet = self.of.tracklet
        if tracklet is not None:
            return f"tracklet-{tracklet.identifier}"
        object_id = self.of.object_id
        return f"object-{object_id}" if object_id else f"source-{self.of.strongest.source_id}"


def shown_findings(news: NightNews, sightings: Sightings, most: int) -> Sequence[ShownFinding]:
    """List what is new in a night, the most telling first, then others, most often seen first.

    Parameters
    ----------
    news
        The night, judged.
    sightings
        Finds the visits of sources.
    most
        How many of either kind.
    """
    new = [one for one in news.findings if news.is_new(one) and one.label is not Label.ARTEFACT][:most]
    left = [one for one in news.findings if one not in new]
    often = sorted(left, key=lambda one: (one.label is Label.ARTEFACT, -len(one.sightings)))[:most]
    return [
        ShownFinding(
            of=one,
            strongest=sightings.of([one.strongest])[0],
            curve=light_curve_of(sightings.of(one.sightings)),
            is_new=is_new,
        )
        for found, is_new in ((new, True), (often, False))
        for one in found
    ]


async def add_pictures(
    links: ReportLinks, images: ImageArchive, pictures: Pictures, findings: Iterable[ShownFinding]
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
