"""Control notes as stream entries, documented in ``docs/redis-keys.md``."""

import json
from collections.abc import Iterator, Mapping

from domain.visit import Cancellation, Identity, InvalidVisitError
from ports.control import Note, Superseded

__all__ = ["note_as_fields", "notes_from_fields"]


def note_as_fields(note: Note) -> dict[str, str]:
    """Write a note."""
    match note:
        case Cancellation():
            return {
                "kind": "cancelled",
                "salIndex": str(note.sal_index),
                "scriptSalIndex": str(note.script_sal_index),
                "groupId": note.group,
            }
        case Superseded(identity=identity):
            return {
                "kind": "superseded",
                "instrument": identity.instrument,
                "groupId": identity.group,
                "revision": str(note.revision),
                "detectors": json.dumps([identity.detector]),
            }


def notes_from_fields(fields: Mapping[str, str]) -> Iterator[Note]:
    """Read the notes of one entry: one, or one for each detector.

    Raises
    ------
    InvalidVisitError
        Raised if the entry is no note.
    """
    try:
        match fields["kind"]:
            case "cancelled":
                yield Cancellation(
                    sal_index=int(fields["salIndex"]),
                    script_sal_index=int(fields["scriptSalIndex"]),
                    group=fields["groupId"],
                )
            case "superseded":
                for detector in json.loads(fields["detectors"]):
                    identity = Identity(fields["instrument"], fields["groupId"], int(detector))
                    yield Superseded(identity=identity, revision=int(fields["revision"]))
            case kind:
                raise InvalidVisitError(f"control note of unknown kind {kind!r}")
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidVisitError(f"control note {dict(fields)!r:.200}: {error!r}") from error
