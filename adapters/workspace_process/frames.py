"""Frames between parent and child: a header in JSON, and bytes as they are.

A frame is two big-endian 4-byte lengths, the header, and the payload. Requests
are ``{"id", "step", "arguments"}``; answers are ``{"id", "result"}`` or ``{"id", "error",
"message"}``, of a neighbour that is away with ``"neighbour"``.
``{"id", "step": "hold", "until"}`` has no answer: an instant on the monotonic clock, which
parent and child share, so that a child that was stopped takes no old frame for a new term; null: no end.
The child sends ``{"id": 0, "claimed"}`` once it has made a claim: the instant at which that ends.
"""

import json
import struct
from collections.abc import Mapping
from typing import Any

from attrs import frozen
from cattrs.preconf.json import make_converter

from domain.errors import PromptProcessingError
from ports.ledger import LedgerUnavailableError
from ports.neighbours import Neighbour
from ports.workspace import (
    ClaimRefusedError,
    DiskFullError,
    InitOutputsMissingError,
    NeighbourAwayError,
    NothingRunnableError,
    RawUnavailableError,
    RawUnreadableError,
    WorkspaceError,
)

__all__ = [
    "CONVERTER",
    "ERRORS",
    "LENGTHS",
    "Frame",
    "MalformedFrameError",
    "decode_header",
    "encode",
    "error_from",
    "error_header",
    "lengths",
]

LENGTHS = struct.Struct(">II")
_LONGEST = 1 << 30

CONVERTER = make_converter()

ERRORS: Mapping[str, type[PromptProcessingError]] = {
    error.__name__: error
    for error in (
        WorkspaceError,
        DiskFullError,
        RawUnavailableError,
        RawUnreadableError,
        InitOutputsMissingError,
        NeighbourAwayError,
        NothingRunnableError,
        ClaimRefusedError,
        LedgerUnavailableError,
    )
}
"""Errors that cross as themselves; any other crosses as `WorkspaceError`."""


def error_header(error: PromptProcessingError) -> dict[str, Any]:
    """Write an error of `ERRORS`."""
    header: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
    if isinstance(error, NeighbourAwayError):
        header["neighbour"] = error.neighbour.value
    return header


def error_from(header: Mapping[str, Any]) -> PromptProcessingError:
    """Read an error; one of another kind is a `WorkspaceError`."""
    if "neighbour" in header:
        return NeighbourAwayError(header["message"], Neighbour(header["neighbour"]))
    return ERRORS.get(header["error"], WorkspaceError)(header["message"])


class MalformedFrameError(PromptProcessingError):
    """Parent and child do not speak the same protocol."""


@frozen
class Frame:
    """One message."""

    header: Mapping[str, Any]
    payload: bytes = b""


def encode(frame: Frame) -> bytes:
    """Write a frame."""
    header = json.dumps(frame.header).encode()
    return LENGTHS.pack(len(header), len(frame.payload)) + header + frame.payload


def lengths(prefix: bytes) -> tuple[int, int]:
    """Read the lengths of header and payload.

    Raises
    ------
    MalformedFrameError
        Raised if they are beyond all reason.
    """
    header, payload = LENGTHS.unpack(prefix)
    if header > _LONGEST or payload > _LONGEST:
        raise MalformedFrameError(f"a frame of {header} + {payload} bytes is no frame")
    return header, payload


def decode_header(text: bytes) -> Mapping[str, Any]:
    """Read a header.

    Raises
    ------
    MalformedFrameError
        Raised if it is not a JSON object.
    """
    try:
        header = json.loads(text)
    except ValueError as error:
        raise MalformedFrameError(f"a frame's header is not JSON: {error}") from error
    if not isinstance(header, dict):
        raise MalformedFrameError(f"a frame's header is {type(header).__name__}, not an object")
    return header
