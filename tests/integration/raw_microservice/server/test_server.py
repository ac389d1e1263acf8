"""The raw microservice on a real socket, and what strangers may do to it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import override

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.raw_microservice.client import HttpRawLookup
from adapters.raw_microservice.server.connection import LARGEST_REQUEST, ConnectionLimits
from adapters.raw_microservice.server.server import PresenceServer, PresenceServerError
from ports.metrics import Counter
from ports.raw_index import RawSlot
from tests.contract_suites.raw_lookup import Microservice, RawLookupContract
from tests.integration.raw_microservice.server.talking import Peer, connected, request
from tests.unit.adapters.memory.test_raw_lookup import ShelfIndex
from tests.unit.adapters.raw_microservice.asking import GROUP, Asked

pytestmark = pytest.mark.slow

_RAW = ("LSSTCam", GROUP, 0, "R22_S11")
_PATH = "/presence/LSSTCam/2026-03-14T02%3A15%3A07.310%232/0/R22_S11"


class _Served(Microservice):
    """The microservice, asked by the client that workers have."""

    def __init__(self) -> None:
        self._index = ShelfIndex()
        self.server = PresenceServer(Asked(self._index).app)

    @override
    async def index(self, group: str, snap: int, uri: str) -> None:
        await self._index.put({RawSlot("LSSTCam", group, snap, "R22_S11"): uri})

    @override
    async def fail(self) -> None:
        self._index.is_away = True


class TestWorkersClient(RawLookupContract):
    @pytest.fixture
    async def microservice(self) -> AsyncIterator[Microservice]:
        served = _Served()
        await served.server.open()
        lookup = HttpRawLookup(base=f"http://127.0.0.1:{served.server.port}/presence")
        await lookup.open()
        served.lookup = lookup
        yield served
        await lookup.close()
        await served.server.close()


async def test_one_connection_serves_many_requests(server: PresenceServer, asked: Asked) -> None:
    await asked.put(_RAW)
    async with connected(server.port) as peer:
        for _ in range(3):
            await peer.say(request(_PATH))
            answer = await peer.hear()
            assert answer is not None
            assert answer.json["present"] is True


async def test_requests_sent_in_one_packet_are_answered_in_order(
    server: PresenceServer, asked: Asked
) -> None:
    await asked.put(*[("LSSTCam", "g", snap, "R22_S11") for snap in range(0, 400, 2)])
    packet = b"".join(request(f"/presence/LSSTCam/g/{snap}/R22_S11") for snap in range(400))
    assert len(packet) > LARGEST_REQUEST
    async with connected(server.port) as peer:
        await peer.say(packet)
        answers = [await peer.hear() for _ in range(400)]
    assert [answer and answer.json["present"] for answer in answers] == [snap % 2 == 0 for snap in range(400)]


async def test_the_answer_to_head_has_no_body(server: PresenceServer) -> None:
    async with connected(server.port) as peer:
        await peer.say(request(_PATH, "Connection: close", method="HEAD"))
        assert (await peer.reader.read()).endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET /presence HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_is_no_http_is_answered_as_the_contract_says(
    server: PresenceServer, asked: Asked, data: bytes
) -> None:
    async with connected(server.port) as peer:
        await peer.say(data)
        answer = await peer.hear()
        assert answer is not None
        assert (answer.status, answer.json["error"]) == (400, True)
        assert await peer.is_closed()
    assert asked.metrics.total(Counter.PRESENCE_REQUESTS, status="400") == 1


@pytest.mark.parametrize(
    "begin", [b"GET /presence/", b"GET / HTTP/1.1\r\nX-Long: ", b"GET / HTTP/1.1\r\nX: y\r\nX-Long"]
)
async def test_a_request_without_end_is_refused(server: PresenceServer, asked: Asked, begin: bytes) -> None:
    async with connected(server.port) as peer:
        await peer.say(begin + b"x" * (LARGEST_REQUEST + 1))
        answer = await peer.hear()
        assert answer is not None
        assert (answer.status, answer.json["error"]) == (431, True)
        assert await peer.is_closed()
    assert asked.metrics.total(Counter.PRESENCE_REQUESTS, status="431") == 1


async def test_a_body_without_end_is_not_read(server: PresenceServer) -> None:
    async with connected(server.port) as peer:
        await peer.say(request(_PATH, f"Content-Length: {10**9}", method="POST"))
        with pytest.raises(ConnectionError):
            await _stream(peer, 10**8)


async def test_a_body_that_is_too_long_is_refused(server: PresenceServer) -> None:
    body = b"x" * LARGEST_REQUEST
    async with connected(server.port) as peer:
        await peer.say(request(_PATH, f"Content-Length: {2 * len(body)}", method="POST") + body)
        answer = await peer.hear()
        assert answer is not None
        assert (answer.status, answer.json["error"]) == (413, True)


async def _stream(peer: Peer, number: int) -> None:
    """Send so many bytes, which is more than the sockets' buffers take."""
    for _ in range(number // 65_536):
        await peer.say(b"x" * 65_536)


async def test_a_small_body_is_passed_over(server: PresenceServer) -> None:
    async with connected(server.port) as peer:
        await peer.say(request(_PATH, "Content-Length: 5") + b"hello" + request("/healthz"))
        answers = [await peer.hear(), await peer.hear()]
    assert [answer and answer.status for answer in answers] == [200, 200]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET http://here/healthz?x HTTP/1.1\r\nHost: here\r\n\r\n", 200),
        (b"GET http://here HTTP/1.1\r\nHost: here\r\n\r\n", 404),
        (b"OPTIONS * HTTP/1.1\r\nHost: here\r\n\r\n", 404),
        (b"GET /healthz HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.1\r\nExpect: 100-continue\r\n\r\n", 200),
        (b"GET /healthz HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 200),
        (b"GET /presence/\xff/g/0/R22_S11 HTTP/1.1\r\nHost: here\r\n\r\n", 400),
        ("GET /presence/LSSTCam/ü/0/R22_S11 HTTP/1.1\r\nHost: here\r\n\r\n".encode(), 400),
    ],
)
async def test_unusual_requests_are_answered(server: PresenceServer, data: bytes, status: int) -> None:
    async with connected(server.port) as peer:
        await peer.say(data)
        answer = await peer.hear()
        assert answer is not None
        assert answer.status == status
        if b"HTTP/1.0" in data:
            assert await peer.is_closed()


@pytest.mark.parametrize("limits", [ConnectionLimits(check=0.2)])
async def test_who_does_not_read_answers_is_dropped(server: PresenceServer, asked: Asked) -> None:
    async with connected(server.port) as peer:
        with pytest.raises(ConnectionError):
            await _flood(peer)
        assert asked.metrics.total(Counter.PRESENCE_REQUESTS) < 100_000
        assert await peer.is_closed()


async def _flood(peer: Peer) -> None:
    async with asyncio.timeout(10):
        while True:
            await peer.say(request("/openapi.json") * 100)


@pytest.mark.parametrize("limits", [ConnectionLimits(check=0.05)])
async def test_an_idle_connection_is_closed_in_the_end(server: PresenceServer) -> None:
    async with connected(server.port) as peer:
        await peer.say(request("/healthz"))
        assert await peer.hear()
        assert await peer.is_closed()


async def test_an_upgrade_is_not_made(server: PresenceServer) -> None:
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    async with connected(server.port) as peer:
        await peer.say(request(_PATH, *upgrade))
        answer = await peer.hear()
    assert answer is not None
    assert answer.status == 200


@pytest.mark.parametrize("begin", [b"", b"GET /pres", request(_PATH) + b"GET"])
@pytest.mark.parametrize("limits", [ConnectionLimits(check=0.1)])
async def test_who_does_not_finish_a_request_does_not_keep_a_place(
    server: PresenceServer, begin: bytes
) -> None:
    async with connected(server.port) as peer:
        await peer.say(begin)
        assert await peer.is_closed()


@pytest.mark.parametrize("limits", [ConnectionLimits(check=0.2)])
async def test_who_asks_slowly_but_asks_is_served(server: PresenceServer) -> None:
    async with connected(server.port) as peer:
        for _ in range(6):
            await peer.say(request("/healthz")[:9])
            await asyncio.sleep(0.1)
            await peer.say(request("/healthz")[9:])
            answer = await peer.hear()
            assert answer is not None
            assert answer.status == 200


@pytest.mark.parametrize("limits", [ConnectionLimits(connections=1)])
async def test_too_many_connections_are_turned_away(server: PresenceServer) -> None:
    async with connected(server.port) as first:
        await first.say(request("/healthz"))
        assert await first.hear()
        async with connected(server.port) as second:
            answer = await second.hear()
            assert answer is not None
            assert (answer.status, answer.json["error"]) == (503, True)
            assert await second.is_closed()
        await first.say(request("/healthz"))
        assert await first.hear()


@given(st.lists(st.binary(max_size=200), min_size=1, max_size=4))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_bytes_stop_the_server(server: PresenceServer, packets: list[bytes]) -> None:
    async with connected(server.port) as stranger:
        try:
            for packet in packets:
                await stranger.say(packet)
            stranger.writer.write_eof()
        except OSError:
            pass  # It was turned away before the end.
        await stranger.is_closed()
    async with connected(server.port) as peer:
        await peer.say(request("/healthz"))
        answer = await peer.hear()
        assert answer is not None
        assert answer.status == 200


class _SlowIndex(ShelfIndex):
    def __init__(self, pause: float) -> None:
        super().__init__()
        self.pause = pause
        self.asked = asyncio.Event()

    @override
    async def find(self, slots: Sequence[RawSlot]) -> Sequence[str | None]:
        self.asked.set()
        await asyncio.sleep(self.pause)
        return await super().find(slots)

    @override
    async def put(self, found: Mapping[RawSlot, str]) -> None:
        raise NotImplementedError


async def test_closing_finishes_what_is_under_way_and_nothing_else() -> None:
    index = _SlowIndex(0.3)
    server = PresenceServer(Asked(index).app)
    await server.open()
    assert server.serving()
    async with connected(server.port) as idle, connected(server.port) as busy:
        await idle.say(request("/healthz"))
        assert await idle.hear()
        await busy.say(request(_PATH))
        await index.asked.wait()
        closing = asyncio.ensure_future(server.close())
        answer = await busy.hear()
        assert answer is not None
        assert (answer.status, answer.headers.get("connection")) == (200, "close")
        assert await idle.is_closed()
        async with asyncio.timeout(5):
            await closing
    assert not server.serving()


async def test_a_port_in_use_is_one_clear_error(server: PresenceServer, asked: Asked) -> None:
    with pytest.raises(PresenceServerError, match=f"port {server.port} .HOST, PORT"):
        await PresenceServer(asked.app, port=server.port).open()


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 70_000), ("192.0.2.1", 0)])
async def test_an_address_that_cannot_be_is_one_clear_error(asked: Asked, host: str, port: int) -> None:
    with pytest.raises(PresenceServerError, match="cannot be served"):
        await PresenceServer(asked.app, host=host, port=port).open()


async def test_signals_stay_the_process_s(asked: Asked) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    server = PresenceServer(asked.app)
    await server.open()
    try:
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
    finally:
        await server.close()


async def test_closed_it_can_be_opened_again(asked: Asked) -> None:
    server = PresenceServer(asked.app)
    for _ in range(2):
        await server.open()
        async with connected(server.port) as peer:
            await peer.say(request("/healthz"))
            assert await peer.hear()
        await server.close()
