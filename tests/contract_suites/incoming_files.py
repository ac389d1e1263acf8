"""What every source of incoming files must hold, in memory and for real."""

import abc
import asyncio

from domain.raws.frame_files import FrameFile
from ports.incoming import IncomingFiles

__all__ = ["IncomingBench", "IncomingFilesContract"]

_PATIENCE = 10.0


class IncomingBench(abc.ABC):
    """A folder, and what watches it."""

    silence: float
    """Seconds after which nothing more is to be expected."""

    @abc.abstractmethod
    async def watch(self) -> IncomingFiles:
        """Begin to watch; the bench ends it."""

    @abc.abstractmethod
    def write(self, name: str, content: str) -> None:
        """Write or rewrite a file."""

    async def names(self, incoming: IncomingFiles, count: int) -> list[str]:
        """Await so many files, and see that no more come."""
        found: list[FrameFile] = []
        async with asyncio.timeout(_PATIENCE):
            while len(found) < count:
                found += await incoming.batch()
        await self.nothing_more(incoming)
        return [file.path.rpartition("/")[2] for file in found]

    async def nothing_more(self, incoming: IncomingFiles) -> None:
        """See that no file comes."""
        try:
            async with asyncio.timeout(self.silence):
                raise AssertionError(f"there came {await incoming.batch()}")
        except TimeoutError:
            pass


class IncomingFilesContract:
    """Tests of `ports.incoming.IncomingFiles`."""

    async def test_what_is_there_comes_once(self, bench: IncomingBench) -> None:
        bench.write("b.fits", "1")
        bench.write("a.fits", "2")
        assert sorted(await bench.names(await bench.watch(), 2)) == ["a.fits", "b.fits"]

    async def test_what_appears_comes(self, bench: IncomingBench) -> None:
        incoming = await bench.watch()
        await bench.nothing_more(incoming)
        bench.write("a.fits", "1")
        assert await bench.names(incoming, 1) == ["a.fits"]

    async def test_what_is_written_to_again_comes_again(self, bench: IncomingBench) -> None:
        incoming = await bench.watch()
        bench.write("a.fits", "1")
        assert await bench.names(incoming, 1) == ["a.fits"]
        bench.write("a.fits", "1 and more")
        assert await bench.names(incoming, 1) == ["a.fits"]

    async def test_a_restart_gives_all_again(self, bench: IncomingBench) -> None:
        bench.write("a.fits", "1")
        assert await bench.names(await bench.watch(), 1) == ["a.fits"]
        bench.write("b.fits", "2")
        assert sorted(await bench.names(await bench.watch(), 2)) == ["a.fits", "b.fits"]

    async def test_who_stops_waiting_takes_nothing_away(self, bench: IncomingBench) -> None:
        incoming = await bench.watch()
        waiting = asyncio.create_task(incoming.batch())
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        bench.write("a.fits", "1")
        assert await bench.names(incoming, 1) == ["a.fits"]
