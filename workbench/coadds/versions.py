"""Versions of templates: each a run with a report of what is in it, the newest first in the chain."""

import datetime
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from attrs import define, field, frozen
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    DatasetType,
    MissingCollectionError,
)
from lsst.images import MaskedImage

from domain.runs import input_collections, template_run
from simulator.errors import SimulatorError
from workbench.coadds.all_sky import PatchId
from workbench.coadds.choosing import Quality
from workbench.repository import TEMPLATE

__all__ = [
    "Key",
    "NewVersion",
    "Stored",
    "Version",
    "find_version",
    "new_version",
    "retire",
    "tidy",
    "versions",
]

_log = logging.getLogger(__name__)

_REPORT: Final = "template_report"
_STAMP: Final = "%Y%m%dT%H%M%SZ"
_ABANDONED: Final = datetime.timedelta(days=1)


@frozen(order=True)
class Key:
    """What a template is of."""

    skymap: str
    patch: PatchId
    band: str

    @property
    def data_id(self) -> dict[str, str | int]:
        """As the registry has it."""
        return {
            "skymap": self.skymap,
            "tract": self.patch.tract,
            "patch": self.patch.patch,
            "band": self.band,
        }


@frozen(kw_only=True)
class Stored:
    """A template of a version."""

    key: Key
    quality: Quality
    source: str
    """Of what it was made: ``nights``, or the names of files."""


@frozen(kw_only=True)
class Version:
    """Templates that were made together."""

    run: str
    retired: bool
    templates: tuple[Stored, ...]

    @property
    def name(self) -> str:
        """Last part of the run's name."""
        return self.run.rpartition("/")[2]


@define
class NewVersion:
    """A version that is being made."""

    butler: Butler
    run: str
    report: list[dict[str, Any]] = field(factory=list)

    def put(self, key: Key, image: MaskedImage, quality: Quality, source: str = "nights") -> None:
        """Store one template."""
        self.butler.put(image, TEMPLATE, key.data_id, run=self.run)
        self.report.append({**key.data_id, **quality.as_dict(), "source": source})


@contextmanager
def new_version(butler: Butler, instrument: str, newest_night: int | None) -> Iterator[NewVersion]:
    """Make a version: it is used once all of it is there; if anything ends that early, nothing is left of it.

    Parameters
    ----------
    butler
        The repository.
    instrument
        Whose templates.
    newest_night
        Last day_obs whose frames have a part in it; None if none have.
    """
    now = datetime.datetime.now(datetime.UTC)
    ensure_chain(butler, instrument)
    butler.registry.registerDatasetType(
        DatasetType(
            TEMPLATE, ("skymap", "tract", "patch", "band"), "MaskedImageV2", universe=butler.dimensions
        )
    )
    butler.registry.registerDatasetType(
        DatasetType(_REPORT, ("instrument",), "StructuredDataDict", universe=butler.dimensions)
    )
    run = template_run(instrument, f"{now:{_STAMP}}", newest_night)
    if not butler.collections.register(run, CollectionType.RUN):
        raise SimulatorError(f"{run} was made this second: try again")
    made = NewVersion(butler, run)
    try:
        yield made
        if made.report:
            butler.put({"templates": made.report}, _REPORT, {"instrument": instrument}, run=run)
            _link(butler, instrument, run)
    finally:
        if not _is_linked(butler, instrument, run):
            butler.removeRuns([run])


def versions(butler: Butler, instrument: str) -> list[Version]:
    """List versions, in the order in which workers look into them, and behind them the retired ones."""
    found = []
    for chain, is_retired in ((_chain(instrument), False), (_retired(instrument), True)):
        for run in _children(butler, chain):
            report = _report(butler, instrument, run)
            if report is not None:
                templates = tuple(_stored(entry) for entry in report)
                found.append(Version(run=run, retired=is_retired, templates=templates))
    return found


def find_version(butler: Butler, instrument: str, name: str) -> Version:
    """Find a version by its name, or the run's.

    Raises
    ------
    SimulatorError
        Raised if there is none; the text lists what there is.
    """
    every = versions(butler, instrument)
    for one in every:
        if name in {one.name, one.run}:
            return one
    raise SimulatorError(
        f"{name} is no version of templates of {instrument}; there are"
        f" {', '.join(one.name for one in every) or 'none'}"
    )


def retire(butler: Butler, instrument: str, version: Version, *, delete: bool) -> None:
    """Let workers use a version no longer; its images are kept unless they are to be deleted."""
    if not version.retired:
        butler.collections.register(_retired(instrument), CollectionType.CHAINED)
        with butler.transaction():
            butler.collections.remove_from_chain(_chain(instrument), version.run)
            butler.collections.prepend_chain(_retired(instrument), version.run)
    if delete:
        butler.removeRuns([version.run], unlink_from_chains=True)


def tidy(butler: Butler, instrument: str) -> None:
    """Remove what a process that was killed has left of a version; it was never used."""
    known = {*_children(butler, _chain(instrument)), *_children(butler, _retired(instrument))}
    runs = butler.collections.query(f"{_chain(instrument)}/*", collection_types=CollectionType.RUN)
    now = datetime.datetime.now(datetime.UTC)
    for run in set(runs) - known:
        made = _made(run)
        if made is not None and now - made > _ABANDONED:
            _log.warning("%s was never finished: removed", run)
            butler.removeRuns([run])


def ensure_chain(butler: Butler, instrument: str) -> None:
    """Make the chain of versions, also in the place of the run that repositories had before.

    Raises
    ------
    SimulatorError
        Raised if that run holds anything.
    """
    name = _chain(instrument)
    try:
        kind = butler.collections.get_info(name).type
    except MissingCollectionError:
        kind = None
    if kind is CollectionType.CHAINED:
        return
    defaults = input_collections(instrument).defaults
    children = list(_children(butler, defaults))
    if kind is not None:
        if kind is not CollectionType.RUN or butler.query_datasets(TEMPLATE, name, explain=False, limit=1):
            raise SimulatorError(
                f"{name} is no chain of versions, and holds templates: make a repository for templates that"
                " last, or remove that collection"
            )
        butler.removeRuns([name], unlink_from_chains=True)
    butler.collections.register(name, CollectionType.CHAINED)
    if name in children:
        butler.collections.redefine_chain(defaults, children)


def _chain(instrument: str) -> str:
    return input_collections(instrument).templates


def _retired(instrument: str) -> str:
    return f"{_chain(instrument)}-retired"


def _children(butler: Butler, chain: str) -> Sequence[str]:
    try:
        return tuple(butler.collections.get_info(chain).children)
    except MissingCollectionError:
        return ()


def _is_linked(butler: Butler, instrument: str, run: str) -> bool:
    return run in _children(butler, _chain(instrument))


def _link(butler: Butler, instrument: str, run: str) -> None:
    """Put a version before those that are not of newer nights."""
    chain = _chain(instrument)
    newer = [one for one in _children(butler, chain) if _age(one) > _age(run)]
    if not newer:
        butler.collections.prepend_chain(chain, run)
        return
    others = [one for one in _children(butler, chain) if one not in newer]
    butler.collections.redefine_chain(chain, [*newer, run, *others])


def _age(run: str) -> tuple[str, str]:
    """Say of which night a version is (if of none, the day when it was made), and when it was made."""
    stamp, _, night = run.rpartition("/")[2].partition("-until-")
    return night or stamp[:8], stamp


def _made(run: str) -> datetime.datetime | None:
    stamp = run.rpartition("/")[2].partition("-until-")[0]
    try:
        return datetime.datetime.strptime(stamp, _STAMP).replace(tzinfo=datetime.UTC)
    except ValueError:
        return None


def _report(butler: Butler, instrument: str, run: str) -> Sequence[dict[str, Any]] | None:
    """Read what is in a run; None if it is no version."""
    if not list(butler.registry.queryDatasetTypes(_REPORT)):
        return None
    ref = butler.find_dataset(_REPORT, {"instrument": instrument}, collections=run)
    if ref is None:
        return None
    templates: Sequence[dict[str, Any]] = butler.get(ref)["templates"]
    return templates


def _stored(entry: dict[str, Any]) -> Stored:
    key = Key(entry["skymap"], PatchId(entry["tract"], entry["patch"]), entry["band"])
    return Stored(key=key, quality=Quality.from_dict(entry), source=entry["source"])
