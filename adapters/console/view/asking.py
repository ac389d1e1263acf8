"""What the addresses of several pages ask for."""

from collections.abc import Sequence
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request

from adapters.console.view.plane_cells import COLOURINGS
from domain.results.night_view import VisitView

__all__ = ["colouring_of", "detector_of", "page_of", "visit_named", "visit_of", "whole_number"]

_DIGITS = 19


def visit_of(request: Request, visits: Sequence[VisitView]) -> tuple[int, VisitView]:
    """Find the visit that ``group`` names, and its place in the night.

    Raises
    ------
    HTTPException
        Raised if there is none.
    """
    return visit_named(request.query_params.get("group", ""), visits)


def visit_named(group: str, visits: Sequence[VisitView]) -> tuple[int, VisitView]:
    """Find the visit of a group, and its place in the night.

    Raises
    ------
    HTTPException
        Raised if there is none.
    """
    for number, visit in enumerate(visits):
        if visit.group == group:
            return number, visit
    raise HTTPException(HTTPStatus.NOT_FOUND, f"No visit of group {group!r} is known in this night.")


def detector_of(request: Request) -> int:
    """Read ``detector``.

    Raises
    ------
    HTTPException
        Raised if it is no number.
    """
    return whole_number(request, "detector")


def whole_number(request: Request, name: str, default: int | None = None) -> int:
    """Read a whole number, 0 or more.

    Raises
    ------
    HTTPException
        Raised if it is none, or is missing and has no default.
    """
    text = request.query_params.get(name, "" if default is None else str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise HTTPException(HTTPStatus.BAD_REQUEST, f"{name} is a whole number, not {text!r}")
    return int(text)


def page_of(request: Request) -> int:
    """Read ``page``, which counts from 1 as people do; the first is 0 here.

    Raises
    ------
    HTTPException
        Raised if it is no number.
    """
    return max(whole_number(request, "page", 1) - 1, 0)


def colouring_of(request: Request) -> str:
    """Read ``by``, the colouring of a focal plane; what is unknown is the first one."""
    by = request.query_params.get("by", "")
    return by if by in COLOURINGS else COLOURINGS[0]
