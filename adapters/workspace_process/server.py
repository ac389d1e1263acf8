"""The child's end: carry out the parent's steps, one at a time."""

import logging
import os
import queue
import signal
import socket
import threading
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from adapters.workspace_process.frames import (
    CONVERTER,
    ERRORS,
    LENGTHS,
    Frame,
    MalformedFrameError,
    decode_header,
    encode,
    error_header,
    lengths,
)
from adapters.workspace_process.life import Life
from application.worker.log_context import logging_about, note_exposure
from domain.raws.raws import RawImage
from domain.work.outcomes import Export
from ports.neighbours import Neighbour
from ports.workspace import Assignment, LocalWorkspace, WorkspaceError

__all__ = ["serve"]

_LOG = logging.getLogger(__name__)
_PARENT_GONE = 0


def serve(
    connection: socket.socket,
    workspace: LocalWorkspace,
    release_memory: Callable[[], None],
    life: Life | None = None,
    deployment: str = "",
) -> None:
    """Serve the parent, who is told the deployment id, until it says ``close``.

    If the parent dies, this process ends at once, in the middle of whatever it
    does: nobody would take the results. It also ends when its `life` does.

    `release_memory` is called after each visit, when nobody waits.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    requests: queue.SimpleQueue[Frame] = queue.SimpleQueue()
    life = life or Life()
    life.tell = lambda until: connection.sendall(encode(Frame({"id": 0, "claimed": until})))
    threading.Thread(target=_receive, args=(connection, requests, life), daemon=True).start()
    child = _RequestHandler(workspace)
    connection.sendall(encode(Frame({"id": 0, "result": deployment})))
    while True:
        request = requests.get()
        if request.header["step"] == "close":
            return
        was_assigned = child.is_assigned
        connection.sendall(encode(child.answer(request)))
        if was_assigned and not child.is_assigned:
            release_memory()


def _receive(connection: socket.socket, requests: "queue.SimpleQueue[Frame]", life: Life) -> None:
    stream = connection.makefile("rb")
    while True:
        try:
            prefix = stream.read(LENGTHS.size)
            if len(prefix) < LENGTHS.size:
                os._exit(_PARENT_GONE)
            header_length, payload_length = lengths(prefix)
            header = decode_header(stream.read(header_length))
            payload = stream.read(payload_length)
            if header.get("step") == "hold":
                life.hold(header["until"])
            else:
                requests.put(Frame(header, payload))
        except (OSError, MalformedFrameError):
            _LOG.exception("unreadable request from the parent process")
            os._exit(1)


class _RequestHandler:
    """Unpacks requests, calls the workspace and packs the answers."""

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._workspace = workspace
        self._assignment: Assignment | None = None
        self._exposures: list[int] = []

    @property
    def is_assigned(self) -> bool:
        """Whether there is a visit that is not cleaned away yet."""
        return self._assignment is not None

    def answer(self, request: Frame) -> Frame:
        header = request.header
        try:
            result, payload = self._carry_out(header["step"], header["arguments"])
        except tuple(ERRORS.values()) as error:
            return Frame({"id": header["id"], **error_header(error)})
        except Exception as error:  # noqa: BLE001 - whatever a task throws must not end the child
            _LOG.error("%s failed:\n%s", header["step"], traceback.format_exc())
            message = f"{type(error).__name__}: {error}"
            return Frame({"id": header["id"], "error": WorkspaceError.__name__, "message": message})
        return Frame({"id": header["id"], "result": result, "payload": payload is not None}, payload or b"")

    def _carry_out(self, step: str, arguments: Mapping[str, Any]) -> tuple[Any, bytes | None]:
        if step == "probe":
            self._workspace.probe(Neighbour(arguments["neighbour"]))
            return None, None
        if step in {"prepare", "resume"}:
            self._assignment = CONVERTER.structure(arguments["assignment"], Assignment)
            self._exposures = []
        if self._assignment is None:
            return None, None  # Only `clean` comes without an assignment, and there is nothing to clean.
        attempt = self._assignment.attempt.number
        with logging_about(self._assignment.work, attempt=attempt, exposures=self._exposures):
            return self._step(step, arguments, self._assignment)

    def _step(
        self, step: str, arguments: Mapping[str, Any], assignment: Assignment
    ) -> tuple[Any, bytes | None]:
        match step:
            case "prepare":
                return CONVERTER.unstructure(self._workspace.prepare(assignment)), None
            case "resume":
                self._workspace.resume(assignment)
                return None, None
            case "ingest":
                raw = CONVERTER.structure(arguments["raw"], RawImage)
                exposure = self._workspace.ingest(raw)
                note_exposure(exposure.exposure)
                return CONVERTER.unstructure(exposure), None
            case "process":
                for number in arguments["exposures"]:
                    note_exposure(number)
                return CONVERTER.unstructure(
                    self._workspace.process(arguments["exposures"], arguments["until"])
                ), None
            case "waiting alerts":
                waiting = self._workspace.waiting_alerts()
                return None if waiting is None else CONVERTER.unstructure(waiting), None
            case "export":
                return None, self._workspace.export(Export(arguments["what"]))
            case "clean":
                self._workspace.clean()
                self._assignment = None
                return None, None
            case _:
                raise WorkspaceError(f"the child knows no step {step!r}")
