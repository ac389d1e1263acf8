"""How the time until the images were here is shared out."""

import pytest

from adapters.memory.metrics import MemoryMetrics
from application.worker.stages import Stages
from domain.times import UtcSeconds, tai_from_utc
from tests.contract_suites.samples import a_visit

_BEGUN = UtcSeconds(1_900_000_000.0)


def _stages(*snaps: tuple[float, float], attempt: int = 1) -> Stages:
    """Find images: when each shutter closed and when its image was here, seconds from the attempt's begin."""
    stages = Stages(a_visit(), MemoryMetrics())
    for closed, here in snaps:
        stages.image_found(tai_from_utc(UtcSeconds(_BEGUN + closed)), UtcSeconds(_BEGUN + here))
    stages.observe_transfer(attempt, _BEGUN)
    return stages


@pytest.mark.parametrize(
    ("snaps", "seconds"),
    [
        ([(20.0, 24.0)], {"transfer": 4.0}),
        ([(3.0, 30.0), (20.0, 31.0)], {"transfer": 11.0}),
        ([(20.0, 31.0), (3.0, 40.0)], {"transfer": 11.0}),
        ([(-49.0, 2.0)], {"queue": 49.0, "transfer": 2.0}),
        ([(-2.4e8, 2.0)], {}),
        ([], {}),
    ],
    ids=["one", "of two the last", "whichever comes first", "no worker was free", "observed again", "none"],
)
def test_the_minute_runs_from_the_last_snap(snaps: list[tuple[float, float]], seconds: object) -> None:
    assert _stages(*snaps).seconds() == seconds


def test_before_a_later_attempt_it_was_not_a_worker_that_lacked() -> None:
    assert _stages((-49.0, 2.0), attempt=2).seconds() == {"earlier": 49.0, "transfer": 2.0}
