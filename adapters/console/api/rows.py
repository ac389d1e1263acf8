"""The API's tables of the night: their columns, and how their rows are made."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from adapters.console.api.tables import Column
from adapters.console.view.digest import Trouble, VisitDigest, ranges
from adapters.console.view.looks import look_of
from adapters.console.view.minute import PART_KEYS, Minute, minute_of
from domain.results.night_view import Trend, VisitView, time_not_known
from domain.times import UtcSeconds, utc_isoformat
from domain.work.outcomes import describe
from domain.work.promptness import Promptness
from domain.work.quality import MEASURES
from ports.night_board import LogLine

__all__ = [
    "DETECTORS",
    "LOG_LINES",
    "NIGHTS",
    "QUALITY",
    "TROUBLES",
    "VISITS",
    "detector_rows",
    "log_row",
    "quality_rows",
    "trend_row",
    "trouble_row",
    "visit_row",
]

_MINUTE: Final = (
    Column("total_s", "number", "from the shutter's closing to the alerts, else of all stages, seconds"),
    Column("queue_s", "number", "from the shutter's closing until a worker was free, seconds"),
    Column("earlier_s", "number", "from the shutter's closing until a later attempt began, seconds"),
    Column("transfer_s", "number", "from then until the image of the last snap was found, seconds"),
    Column("ingest_s", "number", "ingest and graph, seconds"),
    Column("science_s", "number", "from ISR to DiaSources, seconds"),
    Column("alerts_s", "number", "APDB and alerts, seconds"),
    Column("rest_s", "number", "what else passed, seconds"),
)

VISITS: Final = (
    Column("group", "string", "the visit"),
    Column("begun", "string", "when the first attempt began, UTC"),
    Column("filters", "string", "as announced"),
    Column("survey", "string", "as announced"),
    Column("good", "integer", "detectors completed in time, or at a time that is not known"),
    Column("late", "integer", "detectors late, or to be tried again"),
    Column("bad", "integer", "detectors that failed"),
    Column("busy", "integer", "detectors under way"),
    Column("other", "integer", "detectors that nobody wanted, or without images"),
    *_MINUTE,
)

DETECTORS: Final = (
    Column("group", "string", "the visit"),
    Column("detector", "integer", "its number"),
    Column("state", "string", "in one word"),
    Column("attempt", "integer", "of the last attempt; 0 if none reached a worker"),
    Column("worker", "string", "which held it"),
    Column("begun", "string", "of the attempt, UTC"),
    Column("ended", "string", "of the attempt, UTC"),
    Column("is_final", "boolean", "whether no further attempt follows"),
    Column("stage", "string", "while it goes on"),
    Column("outcome", "string", "and its reason"),
    Column("since_shutter_s", "number", "from the shutter's closing to the end of the pipeline, seconds"),
    *_MINUTE,
)

QUALITY: Final = (
    Column("group", "string", "the visit"),
    Column("detector", "integer", "its number"),
    Column("held", "string", "why its alerts wait for a person; blank if they do not"),
    *(Column(name.replace(".", "_"), "number", meaning) for name, meaning in MEASURES.items()),
)

TROUBLES: Final = (
    Column("group", "string", "the visit"),
    Column("begun", "string", "when its first attempt began, UTC"),
    Column("detectors", "string", "numbers of those that fared alike"),
    Column("state", "string", "in one word"),
    Column("reason", "string", "why"),
)

NIGHTS: Final = (
    Column("night", "string", "day_obs"),
    Column("visits", "integer", "with any work on them"),
    Column("in_time", "integer", "visit-detectors in time"),
    Column("late", "integer", "visit-detectors that were late"),
    Column("failed", "integer", "visit-detectors that failed"),
    Column("time_not_known", "integer", "visit-detectors completed long after their shutters closed"),
    Column("median_s", "number", "from the shutter's closing to the end of the pipeline, seconds"),
    Column("slowest_s", "number", "what 98 % did not exceed, seconds"),
)

LOG_LINES: Final = (
    Column("at", "string", "UTC"),
    Column("level", "string", "of the line"),
    Column("process", "string", "that wrote it"),
    Column("logger", "string", "that wrote it"),
    Column("stage", "string", "blank if it is not known"),
    Column("text", "string", "the line"),
)


def visit_row(digest: VisitDigest) -> Mapping[str, object]:
    """Write a visit."""
    kinds = dict.fromkeys(("good", "late", "bad", "busy", "other"), 0)
    for look, count in digest.counts:
        kinds[look.kind] += count
    return {
        "group": digest.view.group,
        "begun": utc_isoformat(digest.begun),
        "filters": digest.filters,
        "survey": digest.survey,
        **kinds,
        **_minute(digest.minute),
    }


def detector_rows(visit: VisitView) -> Sequence[Mapping[str, object]]:
    """Write the detectors of a visit."""
    return [
        {
            "group": visit.group,
            "detector": detector,
            "state": look_of(record).word,
            "attempt": record.attempt.number,
            "worker": record.worker,
            "begun": utc_isoformat(record.begun),
            "ended": _written(record.ended),
            "is_final": record.final,
            "stage": record.stage if record.outcome is None else "",
            "outcome": "" if record.outcome is None else describe(record.outcome),
            "since_shutter_s": record.seconds_to_alerts,
            **_minute(minute_of(record)),
        }
        for detector, record in sorted(visit.detectors.items())
    ]


def quality_rows(visit: VisitView) -> Iterator[Mapping[str, object]]:
    """Write the quality of those detectors of a visit of which any is known."""
    for detector, record in sorted(visit.detectors.items()):
        if record.quality is not None:
            known = {name.replace(".", "_"): value for name, value in record.quality.known.items()}
            yield {"group": visit.group, "detector": detector, "held": record.held, **known}


def trouble_row(trouble: Trouble) -> Mapping[str, object]:
    """Write what fared ill."""
    return {
        "group": trouble.group,
        "begun": utc_isoformat(trouble.begun),
        "detectors": ranges(trouble.detectors),
        "state": trouble.look.word,
        "reason": trouble.reason,
    }


def trend_row(trend: Trend) -> Mapping[str, object]:
    """Write a night."""
    return {
        "night": trend.night.isoformat(),
        "visits": trend.visits,
        **{fared.value.replace(" ", "_"): trend.promptness.get(fared.value, 0) for fared in Promptness},
        "time_not_known": time_not_known(trend.outcomes, trend.promptness),
        "median_s": trend.median,
        "slowest_s": trend.slowest,
    }


def log_row(line: LogLine) -> Mapping[str, object]:
    """Write a line of a log."""
    return {
        "at": utc_isoformat(line.at),
        "level": line.level,
        "process": line.process,
        "logger": line.logger,
        "stage": line.stage,
        "text": line.text,
    }


def _minute(minute: Minute | None) -> Mapping[str, object]:
    if minute is None:
        return {}
    return {"total_s": minute.total, **{f"{PART_KEYS[part.part]}_s": part.spent for part in minute.parts}}


def _written(at: UtcSeconds | None) -> str | None:
    return None if at is None else utc_isoformat(at)
