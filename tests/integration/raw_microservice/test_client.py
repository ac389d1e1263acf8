import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import override
from urllib.parse import unquote

import pytest

from adapters.raw_microservice.client import HttpRawLookup
from ports.raw_arrivals import RawLookupUnavailableError
from tests.contract_suites.raw_lookup import Microservice, RawLookupContract

pytestmark = pytest.mark.slow

type Answer = tuple[int, bytes]


class Server:
    """Answers each path as a function says, and remembers the paths."""

    def __init__(self, answer: Callable[[str], Answer], *, pause: float = 0.0) -> None:
        self.paths: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.paths.append(self.path)
                status, body = answer(self.path)
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                for byte in body if pause else ():
                    time.sleep(pause)
                    try:
                        self.wfile.write(bytes([byte]))
                    except OSError:
                        return
                if not pause:
                    self.wfile.write(body)

            @override
            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._server.server_port}/presence"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class StubMicroservice(Microservice):
    """docs/contracts/raw-microservice.md in a few lines."""

    def __init__(self) -> None:
        self._uris: dict[tuple[str, ...], str] = {}
        self._is_away = False
        self.server = Server(self._answer)
        self.lookup: HttpRawLookup = HttpRawLookup(base=self.server.base)

    def _answer(self, path: str) -> Answer:
        if self._is_away:
            return 500, json.dumps({"error": True, "message": "no index"}).encode()
        uri = self._uris.get(tuple(unquote(part) for part in path.split("/")[2:]))
        found = {"error": False, "present": uri is not None}
        return 200, json.dumps(found | ({"uri": uri} if uri else {})).encode()

    @override
    async def index(self, group: str, snap: int, uri: str) -> None:
        self._uris["LSSTCam", group, str(snap), "R22_S11"] = uri

    @override
    async def fail(self) -> None:
        self._is_away = True


class TestHttpRawLookup(RawLookupContract):
    @pytest.fixture
    async def microservice(self) -> AsyncIterator[StubMicroservice]:
        microservice = StubMicroservice()
        await microservice.lookup.open()
        yield microservice
        await microservice.lookup.close()
        microservice.server.stop()

    async def test_each_part_of_the_path_is_encoded(self, microservice: StubMicroservice) -> None:
        await microservice.lookup.find("LSSTCam", "a/b#2 +%?ü", 0, "R22_S11")
        assert microservice.server.paths == ["/presence/LSSTCam/a%2Fb%232%20%2B%25%3F%C3%BC/0/R22_S11"]


ODD_ANSWERS = (
    (400, b'{"error": true, "message": "unknown instrument"}'),
    (302, b'{"error": false, "present": false}'),
    (404, b"not found"),
    (200, b""),
    (200, b"[" * 50_000),
    (200, b"null"),
    (200, b'{"error": false, "present": true}'),
    (200, b'{"error": false, "present": true, "uri": 1}'),
    (200, b" " * 100_000),
    (500, b'{"error": false, "present": false}'),
)


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    servers: list[Server] = []
    yield servers
    for server in servers:
        server.stop()


async def ask(lookup: HttpRawLookup) -> str | None:
    await lookup.open()
    try:
        return await lookup.find("LSSTCam", "a", 0, "R22_S11")
    finally:
        await lookup.close()


@pytest.mark.parametrize("answer", ODD_ANSWERS, ids=lambda answer: repr(answer)[:40])
async def test_any_other_answer_is_an_outage(servers: list[Server], answer: Answer) -> None:
    servers.append(Server(lambda _: answer))
    with pytest.raises(RawLookupUnavailableError, match="/presence/LSSTCam/a/0/R22_S11"):
        await ask(HttpRawLookup(base=servers[0].base))


async def test_a_trickle_of_bytes_does_not_hold_anybody_up(servers: list[Server]) -> None:
    body = b'{"error": false, "present": false}'
    servers.append(Server(lambda _: (200, body), pause=0.1))
    begin = time.monotonic()
    with pytest.raises(RawLookupUnavailableError):
        await ask(HttpRawLookup(base=servers[0].base, timeout=0.3))
    assert time.monotonic() - begin < 2


async def test_nobody_there_is_an_outage() -> None:
    with pytest.raises(RawLookupUnavailableError):
        await ask(HttpRawLookup(base="http://127.0.0.1:1/presence"))


@pytest.mark.parametrize("part", [".", ".."])
async def test_no_path_holds_dots(part: str) -> None:
    lookup = HttpRawLookup(base="http://127.0.0.1:1/presence")
    await lookup.open()
    with pytest.raises(RawLookupUnavailableError, match="no path"):
        await lookup.find("LSSTCam", part, 0, "R22_S11")
    await lookup.close()


async def test_a_client_that_is_not_open_says_so() -> None:
    with pytest.raises(RawLookupUnavailableError, match="not open"):
        await HttpRawLookup(base="http://127.0.0.1:1/presence").find("LSSTCam", "a", 0, "R22_S11")
