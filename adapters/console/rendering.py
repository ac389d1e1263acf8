"""Templates, and how they write numbers, times and addresses."""

import datetime
import hashlib
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from adapters.console.view.digest import ranges
from domain.results.night_view import NightView
from domain.times import UtcSeconds
from domain.visible_text import visible

__all__ = ["STATIC", "Renderer"]

STATIC: Final = Path(__file__).parent / "static"
_TEMPLATES: Final = Path(__file__).parent / "templates"
_NOTHING: Final = "\N{EN DASH}"


class Renderer:
    """Fills templates.

    Parameters
    ----------
    root
        Path under which a proxy serves the console; blank: at its root.
    common
        What every template may use.
    """

    def __init__(self, root: str, common: Mapping[str, Any]) -> None:
        self._root = root
        self._version = _fingerprint()
        # Whatever comes from outside is text; templates have no other way to write it.
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            finalize=_visible,
        )
        self._templates.filters |= {
            "clock": clock,
            "instant": instant,
            "seconds": seconds,
            "percent": percent,
            "ranges": ranges,
            "number": number,
        }
        self._templates.globals |= {
            "link": self.link,
            "static": self.static,
            "root": root,
            "night_word": night_word,
            **common,
        }

    def link(self, path: str, **query: object) -> str:
        """Write the address of a page."""
        given = urlencode(
            {name: value for name, value in query.items() if value is not None and value != ""}, doseq=True
        )
        return f"{self._root}{path}" + (f"?{given}" if given else "")

    def static(self, name: str) -> str:
        """Write the address of an asset, which changes with its contents."""
        return f"{self._root}/static/{name}?v={self._version}"

    def text(self, template: str, **values: object) -> str:
        """Fill a template."""
        return self._templates.get_template(template).render(**values)

    def page(self, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """Answer with a page."""
        return HTMLResponse(self.text(template, **values), status)


def night_word(night: NightView) -> str:
    """Call a night what it is to who looks at it."""
    return "Tonight" if night.summary.is_live else "The night"


def clock(at: UtcSeconds | None) -> str:
    """Write the time of day."""
    return _NOTHING if at is None else _moment(round(at)).strftime("%H:%M:%S")


def instant(at: UtcSeconds | None) -> str:
    """Write date and time to a tenth of a second."""
    if at is None:
        return _NOTHING
    moment = _moment(round(at, 1))
    return f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 100_000}"


def seconds(value: float | None, digits: int = 1) -> str:
    """Write a duration."""
    return _NOTHING if value is None or not math.isfinite(value) else f"{value:.{digits}f}"


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share."""
    return _NOTHING if share is None else f"{share * 100:.{digits}f}"


def number(value: float | None, digits: int = 2) -> str:
    """Write a measured number; what was not measured is a dash."""
    return _NOTHING if value is None or not math.isfinite(value) else f"{value:,.{digits}f}"


def _moment(at: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(at, datetime.UTC)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _visible(value: object) -> object:
    """Show what turns text around, or hides some of it, as an escape."""
    if not isinstance(value, str) or value.isprintable() or hasattr(value, "__html__"):
        return value
    return "".join(one if one.isspace() else visible(one) for one in value)
