"""Files of alerts: one Avro container for what one task could not send, or where no broker is, for all of it.

Each record is ``{"message": bytes}``, a message as the broker would have got it.
"""

import contextlib
import datetime
import io
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self, cast

import fastavro
from attrs import frozen
from lsst.resources import ResourcePath

from prompt_pipelines.errors import AlertError

__all__ = ["AlertFile", "AlertFolder"]

_SCHEMA = fastavro.parse_schema(
    {"type": "record", "name": "UnsentAlert", "fields": [{"name": "message", "type": "bytes"}]}
)


@frozen
class AlertFile:
    """One file, which appears whole or not at all.

    Blocks while a store is slow, for minutes if it is away.
    """

    uri: str

    @classmethod
    def new_in(cls, folder: str) -> Self:
        """Name a file that does not exist yet.

        Parameters
        ----------
        folder
            Its URI. On a disk, the folder above it must exist: one that does
            not is unmounted, not new.
        """
        return cls(ResourcePath(folder, forceDirectory=True).join(f"{uuid.uuid4().hex}.avro").geturl())

    def write(self, alerts: Sequence[bytes]) -> None:
        """Replace the content.

        Raises
        ------
        AlertError
            Raised if that failed; what was there before is still there.
        """
        buffer = io.BytesIO()
        fastavro.writer(buffer, _SCHEMA, ({"message": alert} for alert in alerts))
        target = ResourcePath(self.uri)
        try:
            if target.isLocal:
                _replace(Path(target.ospath), buffer.getvalue())
            else:
                target.write(buffer.getvalue())
        except Exception as error:  # each store has errors of its own
            raise AlertError(f"cannot write {self.uri}: {error}") from error

    def read(self) -> list[bytes]:
        """Read all alerts.

        Raises
        ------
        AlertError
            Raised if the file cannot be read, or holds something else.
        """
        try:
            records = fastavro.reader(io.BytesIO(ResourcePath(self.uri).read()), reader_schema=_SCHEMA)
            return [cast(Mapping[str, bytes], record)["message"] for record in records]
        except Exception as error:  # as above, and Avro's
            raise AlertError(f"cannot read {self.uri}: {error}") from error

    def remove(self) -> None:
        """Remove the file, and its folder on a disk if it is empty then.

        Raises
        ------
        AlertError
            Raised if that failed.
        """
        target = ResourcePath(self.uri)
        try:
            target.remove()
        except Exception as error:  # as above
            raise AlertError(f"cannot remove {self.uri}: {error}") from error
        if target.isLocal:
            with contextlib.suppress(OSError):
                Path(target.ospath).parent.rmdir()


@frozen
class AlertFolder:
    """Where alerts go without a broker: a file for each image that has any, in a folder for each UTC day."""

    uri: str

    def send(self, alerts: Iterable[bytes]) -> int:
        """Write alerts to a new file; returns how many there are.

        Raises
        ------
        AlertError
            Raised if that failed.
        """
        messages = list(alerts)
        if messages:
            self._new_file().write(messages)
        return len(messages)

    @contextlib.contextmanager
    def sending(self, alerts: Sequence[bytes], visit: int, detector: int) -> Iterator[None]:
        """Send alerts once the block has stored what they tell of; none if it fails.

        On a disk they are laid down before: of a process that is killed between the two,
        whoever finds the file ``.{visit}-{detector}.{name}.avro.laid`` can hand them out.

        Raises
        ------
        AlertError
            Raised if that failed.
        """
        file = self._new_file()
        target = ResourcePath(file.uri)
        if not alerts or not target.isLocal:
            yield
            self.send(alerts)
            return
        path = Path(target.ospath)
        laid = path.with_name(f".{visit}-{detector}.{path.name}.laid")
        AlertFile(laid.as_uri()).write(alerts)
        try:
            yield
        except BaseException:
            laid.unlink(missing_ok=True)
            raise
        try:
            # Who finds it after the block may be faster.
            with contextlib.suppress(FileNotFoundError):
                laid.rename(path)
        except OSError as error:
            raise AlertError(f"cannot write {file.uri}: {error}") from error

    def _new_file(self) -> AlertFile:
        day = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
        folder = ResourcePath(self.uri, forceDirectory=True).join(f"{day}/", forceDirectory=True)
        return AlertFile.new_in(folder.geturl())


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
