import contextlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import override

import pytest

from adapters.kafka.announcements.next_visit import UndecodableVisitError
from adapters.kafka.announcements.schema_registry import SchemaRegistry, SchemaRegistryUnavailableError

STRING = '"string"'
ANSWERS: dict[str, tuple[int, bytes]] = {
    "/schemas/ids/1": (200, json.dumps({"schema": STRING}).encode()),
    "/schemas/ids/2": (200, json.dumps({"schema": STRING, "schemaType": "AVRO"}).encode()),
    "/schemas/ids/3": (200, json.dumps({"schema": "{}", "schemaType": "JSON"}).encode()),
    "/schemas/ids/4": (200, b"<html>"),
    "/schemas/ids/5": (200, b"[]"),
    "/schemas/ids/6": (500, b"{}"),
    "/schemas/ids/7": (401, b"{}"),
}

ENDLESS = {"/schemas/ids/8": (b" " * 65536, 0.0), "/schemas/ids/9": (b" ", 0.02)}


class Server:
    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sent = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                if self.path in ENDLESS:
                    self._go_on(*ENDLESS[self.path])
                    return
                status, body = ANSWERS.get(self.path, (404, b"{}"))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _go_on(self, piece: bytes, pause: float) -> None:
                self.send_response(200)
                self.end_headers()
                # Who asks goes away in the end.
                with contextlib.suppress(OSError):
                    while True:
                        self.wfile.write(piece)
                        server.sent += len(piece)
                        time.sleep(pause)

            @override
            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.stop()


def test_each_schema_is_asked_for_once(server: Server) -> None:
    registry = SchemaRegistry(server.url, cache=None)
    assert [registry.schema(number) for number in (1, 2, 1, 2)] == [STRING] * 4
    assert server.asked == ["/schemas/ids/1", "/schemas/ids/2"]


@pytest.mark.parametrize("number", [3, 5, 99])
def test_what_no_registry_has_as_avro_is_the_messages_fault(server: Server, number: int) -> None:
    with pytest.raises(UndecodableVisitError, match=str(number)):
        SchemaRegistry(server.url, cache=None).schema(number)


@pytest.mark.parametrize("number", [4, 6, 7])
def test_what_is_no_answer_of_a_registry_is_an_outage(server: Server, number: int) -> None:
    with pytest.raises(SchemaRegistryUnavailableError, match=str(number)):
        SchemaRegistry(server.url, cache=None).schema(number)


def test_an_answer_without_end_is_not_read(server: Server) -> None:
    with pytest.raises(UndecodableVisitError, match="schema 8"):
        SchemaRegistry(server.url, cache=None).schema(8)
    assert server.sent < 16 << 20


def test_an_answer_that_comes_byte_by_byte_is_an_outage(server: Server) -> None:
    with pytest.raises(SchemaRegistryUnavailableError, match="does not come to its end"):
        SchemaRegistry(server.url, cache=None, timeout=0.1).schema(9)


def test_a_registry_that_is_not_there_is_an_outage() -> None:
    with pytest.raises(SchemaRegistryUnavailableError):
        SchemaRegistry("http://127.0.0.1:1", cache=None).schema(1)


def test_schemas_outlive_restarts_and_registries(server: Server, tmp_path: Path) -> None:
    SchemaRegistry(server.url, cache=tmp_path / "new").schema(1)
    asked = list(server.asked)
    assert SchemaRegistry(server.url, cache=tmp_path / "new").schema(1) == STRING
    assert server.asked == asked


def test_what_one_registry_said_is_not_taken_for_anothers(server: Server, tmp_path: Path) -> None:
    SchemaRegistry(server.url, cache=tmp_path).schema(1)
    with pytest.raises(SchemaRegistryUnavailableError):
        SchemaRegistry("http://127.0.0.1:1", cache=tmp_path).schema(1)


@pytest.mark.parametrize("damage", [b"", b'"str', b"\xff"])
def test_a_damaged_file_is_fetched_again(server: Server, tmp_path: Path, damage: bytes) -> None:
    SchemaRegistry(server.url, cache=tmp_path).schema(1)
    [file] = tmp_path.rglob("*.avsc")
    file.write_bytes(damage)
    assert SchemaRegistry(server.url, cache=tmp_path).schema(1) == STRING
    assert file.read_text() == STRING


def test_without_a_place_to_write_the_memory_has_to_do(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    registry = SchemaRegistry(server.url, cache=tmp_path / "file")
    assert registry.schema(1) == registry.schema(1) == STRING
    assert len(server.asked) == 1
