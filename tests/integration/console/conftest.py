"""A console that is served to a real browser, over a generated night in memory."""

import asyncio
import os
import re
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from playwright.sync_api import Browser, Page, sync_playwright

from adapters.console.access import Access
from adapters.console.app import make_app
from adapters.console.events import Announcer
from adapters.console.server import ConsoleServer
from adapters.files.cameras import load_camera
from adapters.memory.console.night_board import MemoryNightBoard
from adapters.memory.history_store import MemoryHistoryStore
from domain.work.attempts import AttemptRecord
from tests.unit.adapters.console.generated_night import (
    StillClock,
    generated_board,
    mover,
    night_of,
    put,
    sky_images,
    sky_sources,
)

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)


@define
class Served:
    """The console in a thread of its own, which may be stopped and started anew on its port."""

    board: MemoryNightBoard
    archives: dict[str, Any] = field(factory=dict)
    port: int = 0
    _loop: asyncio.AbstractEventLoop = field(factory=asyncio.new_event_loop)
    _thread: threading.Thread = field(init=False)
    _store: MemoryHistoryStore = field(factory=lambda: MemoryHistoryStore(StillClock()))
    _server: ConsoleServer | None = None
    _following: "asyncio.Task[None] | None" = None

    def __attrs_post_init__(self) -> None:
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        if not self._thread.is_alive():
            self._thread.start()
        self._run(self._start())

    async def _start(self) -> None:
        night = await night_of(self.board, self._store, **self.archives)
        announcer = Announcer(night.board, at_most_every=0.0)
        self._server = ConsoleServer(make_app(night, announcer, Access()), host="127.0.0.1", port=self.port)
        await self._server.open()
        self.port = int(self._server.address.rstrip("/").rpartition(":")[2])
        self._following = asyncio.create_task(announcer.run())

    def stop(self) -> None:
        self._run(self._stop())

    async def _stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
        if self._server is not None:
            await self._server.close()

    def tell(self, record: AttemptRecord) -> None:
        """Let the night go on, where it is looked at: in the server's loop."""

        async def telling() -> None:
            await put(self._store, record)
            self.board.tell(record)

        self._run(telling())

    def _run(self, work: Any) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        done.result(30)

    def close(self) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium (Debian's package chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


@pytest.fixture
def console() -> Iterator[Served]:
    board = generated_board(visits=60, detectors=189, under_way=2)
    sources = sky_sources()
    for one in mover():
        sources.put(one)
    served = Served(board, {"camera": load_camera("lsstcam"), "images": sky_images(), "sources": sources})
    served.start()
    yield served
    served.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which nothing may go wrong: no script fails, and nothing is refused by the policy."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, color_scheme="light")
    page = context.new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("response", lambda answer: faults.append(f"{answer.status} {answer.url}"))
    page.set_default_timeout(20_000)
    yield page
    context.close()
    # A server that is restarted is away for a while, and not every source has images.
    assert not [one for one in faults if not re.match(r"[23]\d\d |Failed to load|404 .*/picture/", one)]


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where pictures of the pages go; ``CONSOLE_SCREENSHOTS=docs/images`` renews the documentation's."""
    folder = Path(os.environ.get("CONSOLE_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder
