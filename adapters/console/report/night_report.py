"""The console's pages of a night as one file, for the morning's mail: it asks for nothing else."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from attrs import asdict, frozen
from markupsafe import Markup

from adapters.console.night import ConsoleNight
from adapters.console.pages.tonight import count_looks
from adapters.console.pictures.store import Pictures
from adapters.console.rendering import STATIC, Renderer
from adapters.console.report.findings import ShownFinding, add_pictures, shown_findings
from adapters.console.report.links import ReportLinks
from adapters.console.view.digest import Digests, VisitDigest, causes_of, troubles_of
from adapters.console.view.focal_plane import map_of
from adapters.console.view.looks import looks
from adapters.console.view.minute import PART_KEYS, SHOWN_SECONDS
from adapters.console.view.plane_cells import plane_cells
from adapters.console.view.sightings import TRIPLET, Sightings
from adapters.console.view.trends import Trends
from adapters.console.view.verdict import measured, verdict
from domain.errors import PromptProcessingError
from domain.results.night_view import Trend, time_not_known
from domain.work.promptness import GOALS, MINUTE, Promptness

__all__ = ["NoNightError", "night_report"]

_LARGEST: Final = 10_000_000
"""Bytes; mail servers take no more."""


class NoNightError(PromptProcessingError):
    """There is nothing to report of a night."""


@frozen(kw_only=True)
class _Bounds:
    """How many of each the report shows at most."""

    troubles: int = 400
    visits: int = 1200
    planes: int = 24
    objects: int = 12
    """Of either kind."""
    nights: int = 60

    def halved(self) -> "_Bounds":
        return _Bounds(**{name: most // 2 for name, most in asdict(self).items()})


@frozen(kw_only=True)
class _Gathered:
    """What a report is made of, however much of it is shown."""

    newest_first: Sequence[VisitDigest]
    findings: Sequence[ShownFinding]
    trends: Sequence[Trend]
    missing: Sequence[str]
    """What is not there, and why."""


async def night_report(night: ConsoleNight, largest: int = _LARGEST) -> str:
    """Write a night as one HTML document without scripts, whose links lead within it.

    Parameters
    ----------
    night
        Which has been read.
    largest
        Bytes of the document; what of the night is left out for that, it says.

    Raises
    ------
    NoNightError
        Raised if nothing is recorded of that night.
    """
    summary = night.board.view().summary
    if not night.board.view().visits:
        raise NoNightError(f"{night.place}: no work is recorded of the night {summary.night}")
    links, bounds = ReportLinks(), _Bounds()
    common = {
        "all_looks": looks(),
        "part_keys": PART_KEYS,
        "place": night.place,
        "note": night.note,
        "truth_of": night.truth_of,
        "nights_address": None,
        "link": links.link,
    }
    renderer = Renderer("", common)
    gathered = await _gathered(night, links, bounds)
    while True:
        values = _values(night, links, gathered, bounds)
        text = renderer.text("report.html", **values)
        if len(text.encode()) <= largest or not any(asdict(bounds).values()):
            return text
        bounds = bounds.halved()


async def _gathered(night: ConsoleNight, links: ReportLinks, bounds: _Bounds) -> _Gathered:
    digests = Digests()
    newest_first = digests.of(night.board.view().visits)[::-1]
    missing: list[str] = []
    findings: Sequence[ShownFinding] = []
    news = night.news()
    if news is None:
        missing.append("objects: the APDB of this night is not kept")
    else:
        try:
            judged = await news.read()
            findings = shown_findings(judged, Sightings(night.board, digests), bounds.objects)
            if judged.judged < judged.count:
                missing.append(f"{judged.count - judged.judged} of {judged.count} DiaSources, the faintest")
        except PromptProcessingError as error:
            missing.append(f"objects: {error}")
    for one in findings:
        links.add_object(one.strongest, one.anchor)
    if findings and night.images is None:
        missing.append("cutouts: the images of this night are not kept")
    elif night.images is not None:
        try:
            without = await add_pictures(links, night.images, Pictures(night.images), findings)
        except PromptProcessingError as error:
            missing.append(f"cutouts: {error}")
        else:
            missing += [f"cutouts of {without} objects: their images are not kept"] if without else []
    return _Gathered(
        newest_first=newest_first, findings=findings, trends=await Trends(night).all(), missing=missing
    )


def _values(night: ConsoleNight, links: ReportLinks, gathered: _Gathered, bounds: _Bounds) -> dict[str, Any]:
    view, newest_first = night.board.view(), gathered.newest_first
    goals = measured(view.summary)
    troubles = troubles_of(newest_first)
    planes = _worst(newest_first, bounds.planes)
    links.show_visits({one.view.group: f"#plane-{place}" for place, one in enumerate(planes)})
    maps = [map_of(night.camera, one.view.detectors) for one in planes]
    trends = gathered.trends[: bounds.nights]
    new = [one for one in gathered.findings if one.is_new][: bounds.objects]
    others = [one for one in gathered.findings if not one.is_new][: bounds.objects]
    return {
        "night": view,
        "summary": view.summary,
        "style": Markup((STATIC / "console.css").read_text()),  # noqa: S704 - the console's own
        "verdict": verdict(view.summary, goals, count_looks(newest_first), causes_of(troubles)),
        "goals": goals,
        "troubles": troubles[: bounds.troubles],
        "troubled": sum(len(one.detectors) for one in troubles),
        "digests": newest_first[: bounds.visits],
        "visits": len(newest_first),
        "planes": [
            (one, plane, plane_cells(plane, one.view, "outcome"))
            for one, plane in zip(planes, maps, strict=True)
        ],
        "findings": (("New, the most telling first", new), ("Others, those seen most often first", others)),
        "has_picture": links.has_picture,
        "triplet": [str(kind) for kind in TRIPLET],
        "trends": trends,
        "total": lambda trend: sum(trend.promptness.values()),
        "not_known": time_not_known,
        "goal": GOALS[Promptness.IN_TIME].share,
        "longest": max([one.slowest or 0.0 for one in trends] + [MINUTE]) * 1.05,
        "minute": MINUTE,
        "shown_seconds": SHOWN_SECONDS,
        "left_out": [*gathered.missing, *_left_out(gathered, bounds, len(troubles))],
        "shown": None,
        "page": 0,
        "colouring": "outcome",
    }


def _worst(newest_first: Sequence[VisitDigest], most: int) -> Sequence[VisitDigest]:
    """Choose the visits with most trouble, then the latest ones; in order of time."""

    def trouble(one: VisitDigest) -> tuple[int, int]:
        kinds = [(look.kind, count) for look, count in one.counts]
        bad, late = (sum(count for kind, count in kinds if kind == wanted) for wanted in ("bad", "late"))
        return -bad, -late

    chosen = sorted(newest_first, key=trouble)[:most]
    return sorted(chosen, key=lambda one: one.begun)


def _left_out(gathered: _Gathered, bounds: _Bounds, troubles: int) -> Iterator[str]:
    visits = len(gathered.newest_first)
    if troubles > bounds.troubles:
        yield f"{troubles - bounds.troubles} of {troubles} rows of what is not as it should be, the earliest"
    if visits > bounds.visits:
        yield f"{visits - bounds.visits} of {visits} visits in the timeline, the earliest"
    if visits > bounds.planes:
        yield (
            f"the focal planes of {visits - bounds.planes} of {visits} visits;"
            " those with most trouble are shown, then the latest"
        )
    if len(gathered.trends) > bounds.nights:
        yield f"{len(gathered.trends) - bounds.nights} of {len(gathered.trends)} nights, the earliest"
    if gathered.findings:
        yield f"objects beyond {bounds.objects} new and {bounds.objects} others"
