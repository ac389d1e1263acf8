"""The raw microservice as an ASGI application."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from functools import partial
from http import HTTPMethod, HTTPStatus
from typing import Any, Final

from adapters.presence_http.answers import Answer, failure, json_answer
from adapters.presence_http.lookups import LSST_INSTRUMENTS, Lookups
from adapters.presence_http.openapi import openapi_document
from adapters.presence_http.requests import RequestError, read_parts, read_sensors
from domain.camera import Camera
from ports.metrics import Counter, Metrics
from ports.raw_index import RawIndex, RawIndexUnavailableError

__all__ = ["PresenceApp"]

_LOG = logging.getLogger(__name__)
_METHODS: Final = (HTTPMethod.GET, HTTPMethod.HEAD)
_METRICS_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

type _Scope = MutableMapping[str, Any]
type _Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
type _Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
type _Handler = Callable[[], Awaitable[Answer]]


class PresenceApp:
    """Answers whether raws have come.

    Parameters
    ----------
    index
        Knows which have.
    cameras
        The configured ones, beside the five that contract 4 names.
    metrics
        Counts requests by the status of the answer.
    metrics_text
        Writes all metrics of the process for ``/metrics``.
    patience
        Seconds that the index may take; clients wait for one second.
    """

    def __init__(
        self,
        *,
        index: RawIndex,
        cameras: Sequence[Camera],
        metrics: Metrics,
        metrics_text: Callable[[], bytes],
        patience: float = 0.9,
    ) -> None:
        self._lookups = Lookups(index, cameras, patience=patience)
        self._metrics = metrics
        self._metrics_text = metrics_text
        configured = [camera.instrument for camera in cameras]
        self._document = json_answer(
            openapi_document(of_contract=[*{*LSST_INSTRUMENTS, *configured}], configured=configured)
        )

    async def __call__(self, scope: _Scope, receive: _Receive, send: _Send) -> None:  # noqa: ARG002 - ASGI's form
        """Answer one request; bodies are not read, since no question has one."""
        if scope["type"] != "http":
            raise RuntimeError(f"only HTTP is spoken here, not {scope['type']}")
        answer = await self._answer(scope)
        self.count(answer.status)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    def count(self, status: int) -> None:
        """Count an answer."""
        self._metrics.count(Counter.PRESENCE_REQUESTS, status=str(int(status)))

    async def _answer(self, scope: Mapping[str, Any]) -> Answer:
        try:
            handler = self._handler(scope)
            if scope["method"] not in _METHODS:
                return failure(
                    HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD are allowed", (b"allow", b"GET, HEAD")
                )
            return await handler()
        except RequestError as error:
            return failure(error.status, str(error))
        except Exception:  # noqa: BLE001 - whatever it is, the client gets an answer
            _LOG.exception("a request failed: %r", scope["path"])
            return failure(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; it is in the service's log")

    def _handler(self, scope: Mapping[str, Any]) -> _Handler:
        match read_parts(scope):
            case ["presence", instrument, group, snap, sensor]:
                ask = partial(self._lookups.one_of_contract, instrument, group, snap, sensor)
                return partial(_unless_away, ask, HTTPStatus.INTERNAL_SERVER_ERROR)
            case ["v2", "presence", *names]:
                return partial(_unless_away, self._version_2(scope, names), HTTPStatus.SERVICE_UNAVAILABLE)
            case ["healthz"]:
                return _healthy
            case ["readyz"]:
                return partial(_unless_away, self._ready, HTTPStatus.SERVICE_UNAVAILABLE)
            case ["metrics"]:
                return self._written_metrics
            case ["openapi.json"]:
                return self._described
        raise _nothing_there()

    def _version_2(self, scope: Mapping[str, Any], names: Sequence[str]) -> _Handler:
        match names:
            case [instrument, group, snap, sensor]:
                return partial(self._lookups.one, instrument, group, snap, sensor)
            case [instrument, group, snap]:
                return lambda: self._lookups.of_snap(instrument, group, snap, read_sensors(scope))
            case [instrument, group]:
                return lambda: self._lookups.of_group(instrument, group, read_sensors(scope))
        raise _nothing_there()

    async def _ready(self) -> Answer:
        await self._lookups.check()
        return json_answer({"error": False, "status": "ready"})

    async def _written_metrics(self) -> Answer:
        # Some milliseconds of work, for which nobody else should wait.
        return Answer(HTTPStatus.OK, await asyncio.to_thread(self._metrics_text), _METRICS_TYPE)

    async def _described(self) -> Answer:
        return self._document


async def _healthy() -> Answer:
    return json_answer({"error": False, "status": "healthy"})


async def _unless_away(ask: _Handler, status: HTTPStatus) -> Answer:
    try:
        return await ask()
    except RawIndexUnavailableError as error:
        return failure(status, str(error))


def _nothing_there() -> RequestError:
    return RequestError(
        "there is nothing at this path; a slash in a name is written as %2F", HTTPStatus.NOT_FOUND
    )
