"""KEDA's arithmetic, with what the chart tells it and our queue's lag."""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import redis
from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from tests.integration.chart.helm import Helm
from tests.integration.chart.keda import NEWEST, OLDEST, RefusedTriggerError, new_jobs, parse_trigger
from tests.integration.chart.objects import Object, find
from tests.integration.chart.real_keda import RELEASE, ask_scaler, find_scaler
from tests.integration.redis.benches import GROUP, RedisQueueBench


@define
class Cluster:
    """Workers that take some polls to be ready, and some for each visit-detector."""

    spec: Object
    start_up: int
    visit: int
    unread: int = 0
    started: int = 0
    jobs: list[int] = field(factory=list)
    """For each, the polls until it reads again."""
    young: list[int] = field(factory=list)
    """For each that is starting, the polls until it is ready."""

    def poll(self) -> None:
        """Let time go by as far as the next poll, and poll."""
        self.young = [left - 1 for left in self.young]
        self.jobs = [max(0, left - 1) for left in self.jobs] + [0 for left in self.young if left <= 0]
        self.young = [left for left in self.young if left > 0]
        for number, left in enumerate(self.jobs):
            if not left and self.unread:
                self.unread -= 1
                self.jobs[number] = self.visit
        more = new_jobs(self.spec, self.unread, len(self.jobs) + len(self.young), len(self.young))
        self.young += [self.start_up] * more
        self.started += more


@pytest.fixture(scope="session")
def spec(helm: Helm) -> Object:
    values = {"keda": {"maxReplicaCount": 10_000, "minReplicaCount": 0}}
    found: Object = find(helm.template(values), "ScaledJob")["spec"]
    return found


def night(spec: Object, strategy: str, arrivals: Sequence[int], start_up: int, visit: int) -> Cluster:
    cluster = Cluster({**spec, "scalingStrategy": {"strategy": strategy}}, start_up, visit)
    for new in [*arrivals, *[0] * (start_up + 1)]:
        cluster.unread += new
        cluster.poll()
    return cluster


@pytest.mark.parametrize("release", [OLDEST, NEWEST])
def test_a_single_visit_detector_starts_a_worker(
    renderings: Mapping[str, Sequence[Object]], release: tuple[int, int]
) -> None:
    for objects in renderings.values():
        spec = find(objects, "ScaledJob")["spec"]
        assert new_jobs(spec, 1, running=0, starting=0, release=release) == 1
        assert new_jobs(spec, 0, running=0, starting=0, release=release) == 0


def test_an_activation_of_nothing_is_refused_by_the_oldest(spec: Object) -> None:
    """Why the chart refuses it (see ``test_values.py``)."""
    [trigger] = spec["triggers"]
    metadata = {**trigger["metadata"], "activationLagCount": "0"}
    with pytest.raises(RefusedTriggerError):
        parse_trigger(metadata, OLDEST)
    assert parse_trigger(metadata, NEWEST).is_active(1)


@pytest.mark.parametrize("release", [OLDEST, NEWEST])
def test_production_s_trigger_starts_nothing_for_one_and_too_many_for_more(
    helm: Helm, release: tuple[int, int]
) -> None:
    old = {"activationLagCount": "1", "lagCount": "1", "pendingEntriesCount": "1"}
    values = {"keda": {"minReplicaCount": 3, "scalingStrategy": "eager", "redisStreams": old}}
    spec = find(helm.template(values), "ScaledJob")["spec"]
    assert new_jobs(spec, 1, running=0, starting=0, release=release) == 0
    assert new_jobs(spec, 9, running=0, starting=0, release=release) == 9
    assert new_jobs(spec, 9, running=9, starting=9, release=release) == 9


LAG = {"consumerGroup": "workers", "lagCount": "1", "activationLagCount": "-1"}
TRIGGERS = [
    LAG,
    {**LAG, "activationLagCount": "0"},
    {**LAG, "activationLagCount": "1", "pendingEntriesCount": "1"},
    {**LAG, "lagCount": "3"},
    {**LAG, "lagCount": "0"},
    {**LAG, "lagCount": "0", "pendingEntriesCount": "2", "activationLagCount": "1"},
    {**LAG, "lagCount": "one"},
    {**LAG, "lagCount": "1.5"},
    {**LAG, "pendingEntriesCount": "none"},
    {**LAG, "streamLength": "none"},
    {"streamLength": "7"},
    {},
]


@pytest.mark.slow
def test_the_rules_are_those_of_keda_s_own_scaler(
    redis_url: str, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    cache = getattr(pytestconfig, "cache", None)
    scaler = find_scaler(tmp_path if cache is None else cache.mkdir("keda"))
    client, stream = redis.Redis.from_url(redis_url), f"keda-{uuid.uuid4()}"
    client.xgroup_create(stream, "workers", "0", mkstream=True)
    place = {"address": redis_url.split("/")[2], "stream": stream}
    for unread in range(4):
        counts = {"lag": unread, "pending": 0, "length": unread}
        for trigger in TRIGGERS:
            answer = ask_scaler(scaler, {**place, **trigger})
            try:
                ours = parse_trigger({**place, **trigger}, RELEASE[:2])
            except RefusedTriggerError:
                assert "error" in answer, trigger
                continue
            expected = {"value": counts[ours.by], "target": ours.target}
            assert answer == {**expected, "active": ours.is_active(counts[ours.by])}, trigger
        client.xadd(stream, {"visit": "x"})
    client.close()


arrivals = st.lists(st.integers(0, 200), min_size=1, max_size=30)


@given(arrivals, st.integers(1, 10), st.integers(1, 30))
def test_no_worker_is_started_twice_for_the_same_work(
    spec: Object, arrivals: list[int], start_up: int, visit: int
) -> None:
    cluster = night(spec, spec["scalingStrategy"]["strategy"], arrivals, start_up, visit)
    assert cluster.started <= sum(arrivals)


@given(arrivals, st.integers(1, 10), st.integers(1, 30))
def test_nothing_waits_longer_than_a_worker_takes_to_start(
    spec: Object, arrivals: list[int], start_up: int, visit: int
) -> None:
    assert night(spec, spec["scalingStrategy"]["strategy"], arrivals, start_up, visit).unread == 0


def test_other_strategies_do_either(spec: Object) -> None:
    assert night(spec, "eager", [172], start_up=5, visit=100).started > 172
    assert night(spec, "default", [172, 0, 0, 0, 0, 0, 172], start_up=5, visit=100).unread > 0


@pytest.fixture
async def queue(redis_url: str) -> AsyncIterator[RedisQueueBench]:
    async with RedisQueueBench(redis_url) as bench:
        yield bench


async def lag(queue: RedisQueueBench) -> int:
    groups: Any = await queue.raw.xinfo_groups(queue.stream)
    (found,) = [group for group in groups if group["name"] == GROUP]
    return int(found["lag"])


@pytest.mark.slow
async def test_expired_leases_start_a_worker_again(spec: Object, queue: RedisQueueBench) -> None:
    await queue.consumer("first")  # makes the group
    await queue.add(1, 2, 3)
    assert new_jobs(spec, await lag(queue), running=0, starting=0) == 3

    # Two take work, and die of it: what is leased starts nobody.
    for name in ("dies", "dies too"):
        assert await (await queue.consumer(name)).lease(0.0) is not None
    assert new_jobs(spec, await lag(queue), running=2, starting=0) == 1

    # A third does its own, in time.
    third = await queue.consumer("third")
    lease = await third.lease(0.0)
    assert lease is not None
    await third.acknowledge(lease)
    assert new_jobs(spec, await lag(queue), running=3, starting=0) == 0

    await queue.outlive_lease()
    assert await queue.upkeep.put_back_expired() == 2
    assert new_jobs(spec, await lag(queue), running=1, starting=0) == 2
    assert await queue.upkeep.put_back_expired() == 0

    found = {(await third.lease(0.0)).work.detector for _ in range(2)}  # type: ignore[union-attr]  # there are two
    assert found == {1, 2}
    assert await lag(queue) == 0
