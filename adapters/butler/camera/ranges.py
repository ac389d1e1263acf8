"""Objects read in parts: of S3 by range requests, others from wherever they are."""

from typing import Any, Final

from botocore.exceptions import ClientError
from lsst.resources import ResourcePath

__all__ = ["RangeSource"]

_EMPTY: Final = "InvalidRange"


class RangeSource:
    """A `raw_files.mosaics.parts.Source`: one version of an object.

    Parameters
    ----------
    uri
        Where it is.
    """

    def __init__(self, uri: str) -> None:
        self._path: Any = ResourcePath(uri)  # only that of S3 has a client
        self._etag = ""
        self.size = 0
        self.requests = 0

    def __call__(self, start: int, stop: int) -> bytes:
        """See `raw_files.mosaics.parts.Source`.

        Raises
        ------
        Exception
            Raised of whatever kind the object's store has for what is wrong.
        """
        self.requests += 1
        if self._path.scheme == "s3":
            return self._from_s3(start, stop)
        with self._path.open("rb") as file:
            self.size = file.seek(0, 2)
            file.seek(start)
            content: bytes = file.read(stop - start)
        return content

    def _from_s3(self, start: int, stop: int) -> bytes:
        # All parts are of one version: another one is refused.
        same = {"IfMatch": self._etag} if self._etag else {}
        try:
            answer: dict[str, Any] = self._path.client.get_object(
                Bucket=self._path._bucket,
                Key=self._path.relativeToPathRoot,
                Range=f"bytes={start}-{stop - 1}",
                **same,
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == _EMPTY:
                return b""
            raise
        self._etag = answer["ETag"]
        self.size = int(str(answer.get("ContentRange", f"/{answer['ContentLength']}")).rpartition("/")[2])
        with answer["Body"] as body:
            content: bytes = body.read()
        return content
