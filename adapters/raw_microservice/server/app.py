"""From requests to answers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from http import HTTPMethod, HTTPStatus
from typing import Final

from adapters.raw_microservice.server.answers import Answer, failure, json_answer
from adapters.raw_microservice.server.lookups import LSST_INSTRUMENTS, Lookups
from adapters.raw_microservice.server.openapi import openapi_document
from adapters.raw_microservice.server.requests import Request, RequestError, read_parts, read_sensors
from domain.cameras.camera import Camera
from ports.metrics import Counter, Metrics
from ports.raw_index import RawIndex, RawIndexUnavailableError

__all__ = ["PresenceApp"]

_LOG = logging.getLogger(__name__)
_METHODS: Final = (HTTPMethod.GET, HTTPMethod.HEAD)
_METRICS_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

type _Handler = Callable[[], Awaitable[Answer]]


class PresenceApp:
    """Answers whether raws have come.

    Parameters
    ----------
    index
        Knows which have.
    cameras
        The configured ones, beside the five of docs/contracts/raw-microservice.md.
    metrics
        Counts requests by the status of the answer.
    metrics_text
        Writes all metrics of the process for ``/metrics``.
    patience
        Seconds that a question may wait for the index; clients wait for one second.
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

    async def answer(self, request: Request) -> Answer:
        """Answer a request, whatever it is and whatever happens."""
        try:
            answer = await self._answer(request)
        except RequestError as error:
            answer = failure(error.status, str(error))
        except Exception:  # noqa: BLE001 - whatever it is, the client gets an answer
            _LOG.exception("request failed: %r", request)
            answer = failure(HTTPStatus.INTERNAL_SERVER_ERROR, "internal error; it is in the service's log")
        self.count(answer.status)
        return answer

    def count(self, status: int) -> None:
        """Count an answer."""
        self._metrics.count(Counter.PRESENCE_REQUESTS, status=str(int(status)))

    async def _answer(self, request: Request) -> Answer:
        handler = self._handler(request)
        if request.method in _METHODS:
            return await handler()
        return failure(
            HTTPStatus.METHOD_NOT_ALLOWED, "only GET and HEAD are allowed", (b"allow", b"GET, HEAD")
        )

    def _handler(self, request: Request) -> _Handler:
        match read_parts(request):
            case ["presence", instrument, group, snap, sensor]:
                ask = partial(self._lookups.one_of_contract, instrument, group, snap, sensor)
                return partial(_unless_away, ask, HTTPStatus.INTERNAL_SERVER_ERROR)
            case ["v2", "presence", *names]:
                return partial(_unless_away, self._version_2(request, names), HTTPStatus.SERVICE_UNAVAILABLE)
            case ["healthz"]:
                return _healthy
            case ["readyz"]:
                return partial(_unless_away, self._ready, HTTPStatus.SERVICE_UNAVAILABLE)
            case ["metrics"]:
                return self._written_metrics
            case ["openapi.json"]:
                return self._described
        raise _nothing_there()

    def _version_2(self, request: Request, names: Sequence[str]) -> _Handler:
        match names:
            case [instrument, group, snap, sensor]:
                return partial(self._lookups.one, instrument, group, snap, sensor)
            case [instrument, group, snap]:
                return lambda: self._lookups.of_snap(instrument, group, snap, read_sensors(request))
            case [instrument, group]:
                return lambda: self._lookups.of_group(instrument, group, read_sensors(request))
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
