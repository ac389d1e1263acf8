"""What a request asks for, read from the bytes of its path and query."""

from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote_to_bytes

from attrs import frozen

from domain.errors import PromptProcessingError

__all__ = ["Request", "RequestError", "read_group", "read_parts", "read_sensors", "read_snap"]

_SNAP_DIGITS = 9
_PARAMETERS = 1024


class RequestError(PromptProcessingError):
    """A request that cannot be answered as it stands.

    Parameters
    ----------
    message
        For the client.
    status
        The answer's.
    """

    def __init__(self, message: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status = status


@frozen
class Request:
    """A request; none that is answered here has a body."""

    method: str
    path: bytes
    """As it was sent, percent-encoded."""
    query: bytes = b""


def read_parts(request: Request) -> Sequence[str]:
    """Split the path at its slashes, and only then decode the parts.

    So a group may hold a slash, which its client writes as ``%2F``.

    Raises
    ------
    RequestError
        Raised if a part is not UTF-8.
    """
    parts = request.path.removeprefix(b"/").split(b"/")
    try:
        return [(unquote_to_bytes(part) if b"%" in part else part).decode() for part in parts]
    except UnicodeDecodeError:
        raise RequestError("the path is not UTF-8, percent-encoded") from None


def read_group(part: str) -> str:
    """Read a group id.

    Raises
    ------
    RequestError
        Raised if it is blank.
    """
    if not part.strip():
        raise RequestError("the group is blank")
    return part


def read_snap(part: str) -> int:
    """Read the number of a snap.

    Raises
    ------
    RequestError
        Raised if it is not a number, or one of more than nine digits.
    """
    if not (part.isascii() and part.isdigit() and len(part) <= _SNAP_DIGITS):
        raise RequestError(f"snap {part!r} is not a number from 0 to {10**_SNAP_DIGITS - 1}")
    return int(part)


def read_sensors(request: Request) -> Sequence[str]:
    """List the values of ``sensor`` in the query; it may hold nothing else.

    Raises
    ------
    RequestError
        Raised if it does, or is not UTF-8.
    """
    try:
        query = parse_qsl(
            request.query.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_PARAMETERS,
        )
    except ValueError:
        raise RequestError("the query cannot be read") from None
    for name, _ in query:
        if name != "sensor":
            raise RequestError(f"parameter {name!r} is unknown: there is only sensor")
    return [value for _, value in query]
