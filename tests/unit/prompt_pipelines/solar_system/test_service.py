"""The service of known bodies, over real HTTP on this machine, and how long it is waited for."""

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pyarrow as pa
import pytest
from attrs import define

from prompt_pipelines.solar_system.known import known_bodies
from prompt_pipelines.solar_system.prediction import View, covers, sky_of

VIEW = View(ra=20.0, dec=-5.0, radius=0.2, begin=61000.1, end=61000.2)


def _answer(count: int) -> bytes:
    """Write what the service does: bodies that stand 2 au from an observer in the Sun's place."""
    objects = np.zeros((3, 3, count))
    for number in range(count):
        lon, lat = np.radians(20.0 + 0.01 * number), np.radians(-5.0)
        objects[0, :, number] = 2 * np.array(
            [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]
        )
    objects[1, 1] = 0.01
    names = ["2019 AB12", "00001", "no such designation"][:count]
    batch = pa.record_batch(
        {
            "name": names, "ra": [20.0] * count, "dec": [-5.0] * count, "tmin": [61000.0] * count,
            "tmax": [61000.5] * count, "Vmag": [18.25] * count, "q": [1.0] * count,
        }
    )  # fmt: skip
    sink = pa.BufferOutputStream()
    pa.ipc.write_tensor(pa.Tensor.from_numpy(objects), sink)
    pa.ipc.write_tensor(pa.Tensor.from_numpy(np.zeros((3, 3))), sink)
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue().to_pybytes())


@define
class Service:
    """A real server on the loopback interface."""

    url: str
    asked: list[dict[str, list[str]]]
    respond: Callable[[http.server.BaseHTTPRequestHandler], None]


@pytest.fixture
def service() -> Iterator[Service]:
    state = Service(url="", asked=[], respond=lambda _: None)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(parse_qs(urlsplit(self.path).query))
            state.respond(self)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/ephemerides/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield state
        server.shutdown()
        thread.join()


def _sends(body: bytes, status: int = 200) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    def respond(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.end_headers()
        handler.wfile.write(body)

    return respond


def test_bodies_come_with_their_way_and_magnitude(service: Service) -> None:
    service.respond = _sends(_answer(3))
    found, reason = known_bodies(VIEW, 5.0, {"MP_SKY_URL": service.url})
    assert reason == ""
    # Without a designation that can be packed there is no identifier.
    assert list(found["ObjID"]) == ["2019 AB12", "00001"]
    assert list(found["ssObjectId"]) == [int.from_bytes(b"K19A12B"), int.from_bytes(b"00001")]
    assert list(found["trailedSourceMagTrue"]) == [18.25, 18.25]
    ra, dec, distance = sky_of(found, 61000.0)
    np.testing.assert_allclose((ra[0], dec[0], distance[0]), (20.0, -5.0, 2.0))
    assert sky_of(found, 61000.4)[0][0] > 20.0
    assert covers(found, 61000.4)
    [asked] = service.asked
    assert asked["return_elements"] == ["extended"]
    # UTC, as the service has it: 37 s before TAI.
    assert float(asked["t"][0]) == pytest.approx(61000.15 - 37 / 86400, abs=1e-8)
    assert (asked["ra"], asked["dec"]) == (["20.0"], ["-5.0"])
    assert float(asked["radius"][0]) > VIEW.radius


def test_an_empty_answer_holds_for_the_image_that_was_asked_for(service: Service) -> None:
    service.respond = _sends(_answer(0))
    found, reason = known_bodies(VIEW, 5.0, {"MP_SKY_URL": service.url})
    assert (len(found), reason) == (0, "")
    assert covers(found, VIEW.middle)


@pytest.mark.parametrize(
    ("respond", "reason"),
    [
        (_sends(b"", 503), "does not answer: 503"),
        (_sends(b"<html>not here</html>"), "cannot be read"),
        (_sends(b""), "cannot be read"),
        (_sends(_answer(2)[:700]), "cannot be read"),
    ],
)
def test_a_bad_answer_is_one_reason_and_no_bodies(
    service: Service, caplog: pytest.LogCaptureFixture, respond: Callable[..., None], reason: str
) -> None:
    service.respond = respond
    found, told = known_bodies(VIEW, 5.0, {"MP_SKY_URL": service.url})
    assert len(found) == 0
    assert reason in told
    # Nobody waits for it again when the image is there.
    assert covers(found, VIEW.middle)
    assert [one.levelname for one in caplog.records] == ["ERROR"]


def test_a_password_of_the_address_is_not_told(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    service.respond = _sends(b"", 503)
    _, told = known_bodies(VIEW, 5.0, {"MP_SKY_URL": service.url.replace("//", "//me:secret@")})
    assert "503" in told
    assert "secret" not in told + caplog.text


def test_a_service_that_trickles_is_not_waited_for(service: Service) -> None:
    over = threading.Event()

    def trickle(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not over.wait(0.05):
            handler.wfile.write(b"\0")

    service.respond = trickle
    began = time.monotonic()
    found, reason = known_bodies(VIEW, 0.3, {"MP_SKY_URL": service.url})
    took = time.monotonic() - began
    over.set()
    assert (len(found), "too long" in reason) == (0, True)
    assert took < 10.0


def test_without_file_or_service_there_are_no_bodies_and_nothing_is_wrong() -> None:
    found, reason = known_bodies(VIEW, 1.0, {})
    assert (len(found), reason) == (0, "")
