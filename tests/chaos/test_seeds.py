"""Three of the seeds of `make chaos`: clocks right, fast and slow."""

import shutil
from collections.abc import Iterator

import pytest

from tests.chaos.plan import Plan, make_plan
from tests.chaos.seed import play
from tests.chaos.servers import Servers, opened_servers
from tests.chaos.verdict import judge

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.long,
    pytest.mark.skipif(
        shutil.which("redis-server") is None, reason="redis-server, which is restarted, is not here"
    ),
]

PLANS = tuple(make_plan(seed) for seed in (2, 3, 4))


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    """One broker, one object store and one repository for all: each seed has visits of its own."""
    with opened_servers(PLANS) as servers:
        yield servers


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: str(plan.seed))
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_no_visit_is_lost_and_none_done_twice(servers: Servers, plan: Plan) -> None:
    played = play(servers, plan)
    verdict = judge(servers, played)
    assert verdict.is_good, f"{verdict}\n" + "\n".join(played.told)
    assert verdict.outcomes["completed"] > len(played.identities) // 3
