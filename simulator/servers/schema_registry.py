"""A schema registry: the part of Confluent's REST interface that producers and consumers use."""

import json
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, override
from urllib.parse import unquote, urlsplit

from fastavro.schema import SchemaParseException, parse_schema

from simulator.servers.service import Service

__all__ = ["SchemaRegistry"]

_JSON = "application/vnd.schemaregistry.v1+json"


class _RefusedError(Exception):
    """A request that is answered with an error, in Confluent's numbers."""

    def __init__(self, status: HTTPStatus, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error_code": code, "message": message}


class _Schemas:
    """Subjects, their versions, and the schemas under their ids."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._schemas: dict[int, str] = {}
        self._subjects: dict[str, list[int]] = {}

    def register(self, subject: str, request: object) -> dict[str, Any]:
        schema = _avro_of(request)
        with self._lock:
            number = self._number_of(schema)
            if number == 0:
                # As a registry in import mode: who registers may say which id.
                wanted = request.get("id") if isinstance(request, dict) else None
                number = wanted if isinstance(wanted, int) else max(self._schemas, default=0) + 1
                if number in self._schemas:
                    raise _RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, 42205, f"Id {number} is taken")
                self._schemas[number] = schema
            versions = self._subjects.setdefault(subject, [])
            if number not in versions:
                versions.append(number)
            return self._describe(subject, number)

    def look_up(self, subject: str, request: object) -> dict[str, Any]:
        schema = _avro_of(request)
        with self._lock:
            number = self._number_of(schema)
            if number not in self._versions(subject):
                raise _RefusedError(HTTPStatus.NOT_FOUND, 40403, "Schema not found")
            return self._describe(subject, number)

    def by_id(self, number: str) -> dict[str, Any]:
        with self._lock:
            if not number.isdecimal() or int(number) not in self._schemas:
                raise _RefusedError(HTTPStatus.NOT_FOUND, 40403, f"Schema {number} not found")
            return {"schema": self._schemas[int(number)], "schemaType": "AVRO"}

    def version(self, subject: str, version: str) -> dict[str, Any]:
        with self._lock:
            numbers = self._versions(subject)
            index = len(numbers) if version == "latest" else int(version) if version.isdecimal() else 0
            if not 1 <= index <= len(numbers):
                raise _RefusedError(HTTPStatus.NOT_FOUND, 40402, f"Version {version} not found")
            return self._describe(subject, numbers[index - 1])

    def versions(self, subject: str) -> list[int]:
        with self._lock:
            return list(range(1, len(self._versions(subject)) + 1))

    def subjects(self) -> list[str]:
        with self._lock:
            return list(self._subjects)

    def _number_of(self, schema: str) -> int:
        return next((number for number, known in self._schemas.items() if known == schema), 0)

    def _versions(self, subject: str) -> list[int]:
        if subject not in self._subjects:
            raise _RefusedError(HTTPStatus.NOT_FOUND, 40401, f"Subject {subject} not found")
        return self._subjects[subject]

    def _describe(self, subject: str, number: int) -> dict[str, Any]:
        version = self._subjects[subject].index(number) + 1
        schema = self._schemas[number]
        return {"subject": subject, "id": number, "version": version, "schema": schema, "schemaType": "AVRO"}


def _avro_of(request: object) -> str:
    """Take the schema out of a request, in one spelling."""
    try:
        if not isinstance(request, dict) or request.get("schemaType", "AVRO") != "AVRO":
            raise ValueError("only Avro schemas are kept here")
        schema = json.loads(request["schema"])
        parse_schema(schema, named_schemas={})
    except (KeyError, TypeError, ValueError, SchemaParseException) as error:
        raise _RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, 42201, f"Invalid schema: {error}") from error
    return json.dumps(schema, separators=(",", ":"))


def _answer(schemas: _Schemas, method: str, path: str, body: bytes) -> object:
    """Do what a request asks for, and return what is sent back as JSON."""
    parts = [unquote(part) for part in urlsplit(path).path.strip("/").split("/")]
    match method, parts:
        case "POST", ["subjects", subject, "versions"]:
            return schemas.register(subject, _read_json(body))
        case "POST", ["subjects", subject]:
            return schemas.look_up(subject, _read_json(body))
        case "GET", ["schemas", "ids", number]:
            return schemas.by_id(number)
        case "GET", ["subjects"]:
            return schemas.subjects()
        case "GET", ["subjects", subject, "versions"]:
            return schemas.versions(subject)
        case "GET", ["subjects", subject, "versions", version]:
            return schemas.version(subject, version)
    raise _RefusedError(HTTPStatus.NOT_FOUND, 404, f"{method} {path} is not offered here")


def _read_json(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError as error:
        raise _RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, 42201, f"no JSON: {error}") from error


def _handler(schemas: _Schemas) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                status, answer = (HTTPStatus.OK, _answer(schemas, self.command, self.path, body))
            except _RefusedError as refusal:
                status, answer = refusal.status, refusal.body
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", _JSON)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        @override
        def log_message(self, *arguments: object) -> None:
            """Say nothing: one line a request would drown the night's."""

    return Handler


class SchemaRegistry(Service):
    """A schema registry over HTTP, in this process, kept in memory."""

    description = "schema registry over HTTP (Avro only, in memory)"
    is_real = False

    def __init__(self) -> None:
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Address for clients; empty while it does not run."""
        return "" if self._server is None else f"http://127.0.0.1:{self._server.server_port}"

    @override
    def start(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(_Schemas()))
        self._server.daemon_threads = True
        serve: Callable[[float], None] = self._server.serve_forever
        # The interval bounds how long `stop` takes.
        self._thread = threading.Thread(target=serve, args=(0.05,), daemon=True)
        self._thread.start()

    @override
    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()
            self._server = None
