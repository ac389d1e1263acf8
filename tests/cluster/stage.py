"""What all plays have in common: the release, the queue, and the table of what was seen."""

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from adapters.redis.ledger.history_store import RedisHistoryStore
from adapters.redis.queue.work_publisher import RedisWorkPublisher
from domain.times import UtcSeconds, tai_from_utc
from domain.visit import Identity
from domain.work.history import WorkHistory
from tests.cluster.kubernetes import Kubernetes, Object, wait_for
from tests.cluster.release import INSTRUMENT, NAMESPACE, Release
from tests.cluster.watcher import Watcher
from tests.cluster.world import World
from tests.contract_suites.samples import a_visit

__all__ = ["Row", "Stage", "Table"]

_STREAM = f"instrument:{INSTRUMENT.lower()}"
_PATIENCE = 600.0
_ANSWER_SECONDS = 60.0
"""For Redis, which syncs each write to a disk that twenty starting workers read from."""


@frozen
class Row:
    """What was to be, and what was seen."""

    play: str
    seen: str
    holds: bool

    def __str__(self) -> str:
        return f"{'yes' if self.holds else 'NO '}  {self.play}: {self.seen}"


@define
class Table:
    """All rows, printed as they come."""

    rows: list[Row] = field(factory=list)

    def add(self, play: str, seen: str, *, holds: bool) -> None:
        """Add a row."""
        self.rows.append(Row(play, seen, holds))
        print(self.rows[-1], flush=True)

    def show(self) -> None:
        """Print all once more, without what was said between them."""
        print("", *self.rows, sep="\n", flush=True)

    @property
    def holds(self) -> bool:
        """Tell whether all was as it had to be."""
        return bool(self.rows) and all(row.holds for row in self.rows)


@frozen(kw_only=True)
class Stage:
    """Where plays are given."""

    cluster: Kubernetes
    release: Release
    world: World
    values: Mapping[str, Any]
    """Of the release."""
    image: str
    """Repository of the images, without the last name."""
    watcher: Watcher
    table: Table
    redis: str = ""
    """URL of the queue; blank: the world's."""
    _groups: Any = field(factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        """Address of the queue."""
        return self.redis or f"redis://{self.world.redis}/0"

    def apply(self, values: Mapping[str, Any]) -> str:
        """Install or upgrade, and wait until all services are up to date; returns what Helm says."""
        said = self.release.apply(values)
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"

        def ready() -> bool:
            return all(map(_is_settled, self.cluster.items(path)))

        wait_for("the services", ready, _PATIENCE)
        return said

    def publish(self, count: int, duration: float = 1.0) -> Sequence[Identity]:
        """Put visit-detectors into the queue; no image will come."""
        return asyncio.run(self._publish(count, duration))

    async def _publish(self, count: int, duration: float) -> Sequence[Identity]:
        detectors = [one.number for one in self.world.demo.plan.camera.detectors]
        made: list[Identity] = []
        patient: Any = {"streams": {INSTRUMENT: _STREAM}, "timeout": _ANSWER_SECONDS}
        async with RedisWorkPublisher(self.url, **patient) as publisher:
            while len(made) < count:
                now = tai_from_utc(UtcSeconds(time.time()))
                group = f"trial-{time.time():.0f}-{next(self._groups)}"
                few = detectors[: count - len(made)]
                visit = a_visit(
                    group,
                    instrument=INSTRUMENT,
                    filters="r_sim",
                    nimages=1,
                    duration=duration,
                    start_time=now,
                    sent=now,
                )
                await publisher.publish(visit, few)
                made += [Identity(INSTRUMENT, group, detector) for detector in few]
        return made

    def histories(self) -> Mapping[Identity, WorkHistory]:
        """Read the ledger."""
        return asyncio.run(self._histories())

    async def _histories(self) -> Mapping[Identity, WorkHistory]:
        async with RedisHistoryStore(self.url, timeout=_ANSWER_SECONDS) as store:
            found = await store.histories(INSTRUMENT)
        return {one.identity: one for one in found if isinstance(one, WorkHistory)}

    def await_lease(self, identity: Identity, attempt: int = 1) -> str:
        """Wait until somebody works on something; returns the worker's name."""

        def worker() -> str:
            history = self.histories().get(identity)
            begun = history is not None and len(history.records) >= attempt
            return history.records[attempt - 1].worker if begun and history is not None else ""

        return wait_for(f"attempt {attempt} of {identity}", worker, _PATIENCE)

    def await_ends(
        self, identities: Sequence[Identity], seconds: float = _PATIENCE
    ) -> Mapping[Identity, WorkHistory]:
        """Wait until the ledger has a final outcome of each; returns their histories."""

        def ended() -> Mapping[Identity, WorkHistory] | None:
            found = self.histories()
            lasts = [found[one].last for one in identities if one in found]
            over = [last for last in lasts if last is not None and last.final]
            return {one: found[one] for one in identities} if len(over) == len(identities) else None

        return wait_for(f"outcomes of {len(identities)} visit-detectors", ended, seconds)

    def await_no_worker(self) -> float:
        """Wait until no worker is left; returns the seconds that it took."""
        begin, before = time.monotonic(), self.watcher.rounds

        def none() -> bool:
            return self.watcher.rounds > before + 1 and not self.watcher.running()

        wait_for("scaling to zero", none, _PATIENCE)
        return time.monotonic() - begin


def _is_settled(deployment: Object) -> bool:
    wanted, state = deployment["spec"]["replicas"], deployment["status"]
    counts = (state.get("replicas", 0), state.get("updatedReplicas", 0), state.get("readyReplicas", 0))
    return counts == (wanted,) * 3 and state.get("observedGeneration") == deployment["metadata"]["generation"]
