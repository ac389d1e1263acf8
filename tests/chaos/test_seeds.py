"""Three of the seeds of `make chaos`: clocks right, fast and slow."""

import shutil

import pytest

from tests.chaos.plan import make_plan
from tests.chaos.seed import play
from tests.chaos.servers import opened_servers
from tests.chaos.verdict import judge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.long]


@pytest.mark.parametrize("seed", [2, 3, 4])
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.skipif(
    shutil.which("redis-server") is None, reason="redis-server, which is restarted, is not here"
)
def test_no_visit_is_lost_and_none_done_twice(seed: int) -> None:
    plan = make_plan(seed)
    with opened_servers((plan,)) as servers:
        played = play(servers, plan)
        verdict = judge(servers, played)
    assert verdict.is_good, f"{verdict}\n" + "\n".join(played.told)
    assert verdict.outcomes["completed"] > len(played.identities) // 3
