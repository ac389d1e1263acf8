"""Watch how a site's disk fills, from night to night."""

import contextlib
import json
import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from domain.disk_use import DiskForecast, FreeSpace, forecast, watched
from entrypoints.settings.site import SiteFolder

__all__ = ["DiskWatch", "disk_forecast", "disk_said"]

_LOG = logging.getLogger(__name__)

_GB: Final = 1e9
_FAULTS: Final = (OSError, ValueError, KeyError, TypeError)


class DiskWatch:
    """Looks at the free space, and says once a night if it will not do.

    Parameters
    ----------
    site
        Whose disk; what was seen is kept in its folder.
    tell
        Told what there is to be said, for people; blank if nothing.
    free
        Tells the free space, bytes.
    """

    def __init__(
        self, site: SiteFolder, tell: Callable[[str], None], free: Callable[[Path], int] | None = None
    ) -> None:
        self._site = site
        self._tell = tell
        self._free = free or _free
        self._nights = tuple(_read(site.disk))
        self._warned: int | None = None
        """Night in which it was said."""

    def look(self, tonight: int, freed: int = 0) -> DiskForecast:
        """Look, in the night that goes on; `freed` is what the site has removed since the last look."""
        free = self._free(self._site.path)
        self._nights = watched(self._nights, tonight, free, freed)
        # Of a disk that is full already, too, there is something to be said.
        with contextlib.suppress(OSError):
            _write(self._site.disk, self._nights)
        expected = forecast(self._nights, free)
        said = disk_said(expected)
        self._tell(said)
        if said and self._warned != tonight:
            _LOG.warning(
                "disk of %s: %s: make room, or set keep_raws_days and keep_images_days", self._site.path, said
            )
            self._warned = tonight
        return expected


def disk_forecast(site: SiteFolder) -> DiskForecast:
    """Say what is to be expected by what was seen while the site ran."""
    return forecast(_read(site.disk), _free(site.path))


def disk_said(expected: DiskForecast) -> str:
    """Say that a disk will be full, for people; blank if it will not."""
    if not expected.is_full_soon:
        return ""
    free, night = (f"{size / _GB:.1f} GB" for size in (expected.free, expected.night))
    return f"{free} are free and a night takes {night}: it may be full before the next night is over"


def _free(path: Path) -> int:
    return shutil.disk_usage(path).free


def _read(path: Path) -> Sequence[FreeSpace]:
    """Read what was seen; of a file that is damaged nothing: it is seen anew."""
    with contextlib.suppress(*_FAULTS):
        return [
            FreeSpace(**{name: int(one[name]) for name in ("night", "first", "last", "removed")})
            for one in json.loads(path.read_bytes())
        ]
    return []


def _write(path: Path, nights: Sequence[FreeSpace]) -> None:
    seen = [
        {"night": one.night, "first": one.first, "last": one.last, "removed": one.removed} for one in nights
    ]
    beside = path.with_suffix(".part")
    beside.write_text(json.dumps(seen))
    beside.replace(path)
