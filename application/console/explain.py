"""All that is known of one visit-detector, joined."""

import logging
from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen

from domain.errors import PromptProcessingError
from domain.results.images import KeptImage
from domain.results.sources import DiaSource, SourceQuery
from domain.times import UtcSeconds
from domain.visit import Identity
from domain.work.about import AboutVisit
from domain.work.attempts import AttemptRecord
from domain.work.budget import BudgetRow, against_budget, cause_of_delay
from domain.work.outcomes import (
    Completed,
    Expired,
    FailedAfterChange,
    FailedBeforeChange,
    ImagesRejected,
    NoImages,
    Outcome,
    describe,
    snaps_of,
)
from domain.work.promptness import MINUTE, Promptness
from ports.clock import Clock
from ports.image_archive import ImageArchive
from ports.ledger import Ledger
from ports.night_board import LogArchive, LogLine
from ports.source_archive import SourceArchive

__all__ = ["Explanation", "explain", "verdict", "what_to_do"]

_LOG = logging.getLogger(__name__)


@frozen(kw_only=True)
class Explanation:
    """What became of a visit-detector, and by what."""

    identity: Identity
    verdict: str
    """How it stands, in one line."""
    to_do: str
    """What is left for a person; blank if nothing is."""
    records: tuple[AttemptRecord, ...]
    """All attempts, in their order."""
    about: AboutVisit | None
    """What was announced and chosen, as the last attempt noted it."""
    budget: tuple[BudgetRow, ...]
    """Of the last attempt that tells its seconds."""
    lines: tuple[LogLine, ...]
    logs: str
    """Where the lines come from."""
    images: tuple[KeptImage, ...]
    sources: tuple[DiaSource, ...]
    faults: tuple[str, ...]
    """What could not be looked at, and why."""


async def explain(
    identity: Identity,
    *,
    ledger: Ledger,
    clock: Clock,
    logs: LogArchive,
    images: ImageArchive | None = None,
    sources: SourceArchive | None = None,
    most_lines: int = 500,
) -> Explanation:
    """Look everything up that is known of a visit-detector.

    What cannot be reached is named, and the rest told without it.
    """
    faults: list[str] = []

    async def ask[T](what: str, look: Callable[[], Awaitable[Sequence[T]]]) -> tuple[T, ...]:
        try:
            return tuple(await look())
        except PromptProcessingError as error:
            _LOG.warning("%s of %s cannot be looked at: %s", what, identity, error)
            faults.append(f"{what}: {error}")
            return ()

    records = await ask("attempts", lambda: ledger.history(identity))
    last = records[-1] if records else None
    measured = next((one for one in reversed(records) if one.seconds and one.outcome is not None), None)

    async def found_sources() -> list[DiaSource]:
        if sources is None or last is None or last.outcome is None:
            return []
        found: list[DiaSource] = []
        for snap in snaps_of(last.outcome):
            query = SourceQuery(visit=snap.exposure, detector=identity.detector)
            found += await sources.sources(query)
        return found

    async def found_images() -> Sequence[KeptImage]:
        return [] if images is None else await images.images(identity.group, identity.detector)

    return Explanation(
        identity=identity,
        verdict=verdict(last, clock.utc()),
        to_do=what_to_do(last),
        records=records,
        about=next((record.about for record in reversed(records) if record.about), None),
        budget=() if measured is None else against_budget(measured.seconds, measured.since_shutter),
        lines=await ask("log lines", lambda: logs.lines(identity, most_lines)),
        logs=logs.place,
        images=await ask("images", found_images),
        sources=await ask("sources", found_sources),
        faults=tuple(faults),
    )


def verdict(last: AttemptRecord | None, now: UtcSeconds) -> str:
    """Say in one line how the work stands, by its last attempt."""
    if last is None:
        return "nothing is recorded of it: no worker has begun it, or the ledger has forgotten it"
    number = last.attempt.number
    if last.outcome is None:
        stage = ""
        if last.stage_begun is not None:
            stage = f": {last.stage} for {max(now - last.stage_begun, 0.0):.0f} s"
        return f"attempt {number} under way for {max(now - last.begun, 0.0):.0f} s by {last.worker}{stage}"
    if not last.final:
        return f"attempt {number} {describe(last.outcome)}; another attempt follows"
    told = describe(last.outcome)
    fared = last.promptness
    if fared is None and isinstance(last.outcome, Completed):
        return f"{told}; time not known: its shutter closed more than a day before"
    if fared is Promptness.FAILED or fared is None:
        return told
    if last.since_shutter is None:
        return f"{told}; when its pipeline ended after the shutter closed is not known, which counts as late"
    when = f"{last.since_shutter:.1f} s after the shutter closed"
    if fared is Promptness.IN_TIME:
        return f"{told}; in time, {when}"
    cause = cause_of_delay(against_budget(last.seconds, last.since_shutter))
    return f"{told}; late, {when} instead of {MINUTE:g}" + (f" ({cause})" if cause else "")


def what_to_do(last: AttemptRecord | None) -> str:
    """Say what is left for a person to do."""
    outcome: Outcome | None = last.outcome if last is not None and last.final else None
    match outcome:
        case Completed() | FailedAfterChange() if last is not None and last.held:
            return (
                "look at the images; then `prompt-processing alerts release`, or `discard`, decides over the"
                " alerts that are held"
            )
        case Completed(detail=detail) if detail:
            return "`prompt-processing alerts` sends alerts that wait, once the broker is back"
        case FailedBeforeChange(never=never) if never is not None:
            return "no further attempt can mend it: look at the configuration and what was announced"
        case FailedBeforeChange():
            return "once the reason is mended, `prompt-processing reconcile --requeue` puts it back"
        case FailedAfterChange():
            return "nothing tonight: daytime processing takes it, since the APDB may have been changed"
        case NoImages() | Expired():
            return "`prompt-processing reconcile` lists images that came all the same, and can put them back"
        case ImagesRejected():
            return "the images are not what was announced: see the reasons"
        case _:
            return ""
