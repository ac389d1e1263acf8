"""What an attempt has done so far, kept on disk so that another process can take over."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import asdict, field, frozen

__all__ = ["Journal", "read_journal", "write_journal"]

_FILE = "journal.json"


@frozen(kw_only=True)
class Journal:
    """The state of an attempt that its files do not tell."""

    runs: Mapping[str, str | None] = field(factory=dict)
    """Local runs that may hold outputs, and the file of the pipeline behind each, if any."""
    collections: tuple[str, ...] = ()
    """Collections of the central repository that inputs are looked for in."""
    mounted: bool = False
    """Whether the root of the central datastore was a mount point."""
    group: tuple[Any, ...] = ()
    """The serialised record of the visit's group, in a list of its own."""
    exposures: tuple[int, ...] = ()
    """What the main pipeline was begun on; to be claimed before any change."""
    claimed: bool = False
    records: Mapping[str, Any] = field(factory=dict)
    """Serialised dimension records, by exposure."""
    raws: Mapping[str, Any] = field(factory=dict)
    """URI of each exposure's raw, and the class that reads it, if it is not the configured one."""

    def packed_records(self, exposures: Iterable[object]) -> list[Any]:
        """Collect the records of the group and of exposures."""
        return [*self.group, *(one for key in exposures for one in self.records[str(key)])]


def write_journal(folder: Path, journal: Journal) -> None:
    """Replace the journal in a folder; a reader sees the old or the new one."""
    new = folder / f"{_FILE}.new"
    new.write_text(json.dumps(asdict(journal)), encoding="utf-8")
    new.replace(folder / _FILE)


def read_journal(folder: Path) -> Journal:
    """Read the journal in a folder; an empty one if there is none."""
    try:
        text = (folder / _FILE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return Journal()
    fields = json.loads(text)
    return Journal(
        runs=fields["runs"],
        collections=tuple(fields["collections"]),
        mounted=fields["mounted"],
        group=tuple(fields["group"]),
        exposures=tuple(fields["exposures"]),
        claimed=fields["claimed"],
        records=fields["records"],
        raws=fields["raws"],
    )
