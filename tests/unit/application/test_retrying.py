import asyncio
import logging

import pytest

from application.retrying import retried
from domain.errors import PromptProcessingError
from ports.work_queue import QueueUnavailableError

LOG = logging.getLogger("caller")
pytestmark = pytest.mark.looptime


class Queue:
    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)

    async def ask(self) -> str:
        if self.failures:
            raise self.failures.pop(0)
        return "answer"


@pytest.mark.parametrize(
    ("longest", "pauses"), [(None, (2, 2, 2, 2)), (5.0, (2, 4, 5, 5)), (1.0, (1, 1, 1, 1))]
)
async def test_each_failure_is_logged_and_followed_by_its_pause(
    longest: float | None, pauses: tuple[int, ...], caplog: pytest.LogCaptureFixture
) -> None:
    queue = Queue(*[QueueUnavailableError("no Redis")] * len(pauses))
    begun = asyncio.get_running_loop().time()
    assert await retried(queue.ask, QueueUnavailableError, LOG, 2.0, longest) == "answer"
    assert asyncio.get_running_loop().time() - begun == pytest.approx(sum(pauses))
    expected = [("caller", logging.ERROR, f"no Redis; retrying in {pause} s") for pause in pauses]
    assert caplog.record_tuples == expected


async def test_another_failure_comes_out() -> None:
    with pytest.raises(PromptProcessingError, match="bad"):
        await retried(Queue(PromptProcessingError("bad")).ask, QueueUnavailableError, LOG, 2.0)
