import asyncio

import pytest
from tenacity import retry_if_exception_type, stop_after_attempt, wait_exponential

from adapters.common.retrying import Retries

AWAY = retry_if_exception_type(ConnectionError)


class Neighbour:
    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.asked = 0

    def ask(self, what: str) -> str:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return f"{what}!"

    async def ask_async(self, what: str) -> str:
        return self.ask(what)


def test_each_failure_is_told_and_followed_by_its_pause() -> None:
    told: list[tuple[int, str]] = []
    pauses: list[float] = []
    neighbour = Neighbour(ConnectionError("one"), ConnectionError("two"))
    retries = Retries(
        AWAY,
        wait=wait_exponential(multiplier=0.1, max=3.2),
        failed=lambda tries, error: told.append((tries, str(error))),
        sleep=pauses.append,
    )
    assert retries.run(neighbour.ask, "yes") == "yes!"
    assert told == [(1, "one"), (2, "two")]
    assert pauses == [0.1, 0.2]


@pytest.mark.parametrize(("failures", "asked"), [((LookupError,), 1), ((ConnectionError,) * 5, 3)])
def test_the_last_failure_comes_out_as_it_is(failures: tuple[type[Exception], ...], asked: int) -> None:
    neighbour = Neighbour(*(kind("no") for kind in failures))
    with pytest.raises(failures[-1], match=r"^no$"):
        Retries(AWAY, stop=stop_after_attempt(3)).run(neighbour.ask, "yes")
    assert neighbour.asked == asked


@pytest.mark.looptime
async def test_what_is_awaited_pauses_on_the_loops_clock() -> None:
    neighbour = Neighbour(*[ConnectionError("away")] * 7)
    begun = asyncio.get_running_loop().time()
    retries = Retries(AWAY, wait=wait_exponential(multiplier=0.1, max=3.2))
    assert await retries.run_async(neighbour.ask_async, "yes") == "yes!"
    assert asyncio.get_running_loop().time() - begun == pytest.approx(0.1 + 0.2 + 0.4 + 0.8 + 1.6 + 3.2 + 3.2)


@pytest.mark.looptime
async def test_cancelling_ends_a_pause() -> None:
    neighbour = Neighbour(ConnectionError("away"))
    retries = Retries(AWAY, wait=wait_exponential(multiplier=10.0))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1.0):
            await retries.run_async(neighbour.ask_async, "yes")
    assert neighbour.asked == 1
