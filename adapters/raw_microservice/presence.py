"""The answer to whether a raw has come (docs/contracts/raw-microservice.md), both ways."""

import json
from typing import Final

from attrs import frozen

from adapters.common.converters import lenient_converter, structured

__all__ = ["Presence"]

_CONVERTER: Final = lenient_converter(omit_if_default=True)


@frozen(kw_only=True)
class Presence:
    """What the microservice says of a raw, or why it cannot."""

    error: bool
    present: bool | None = None
    uri: str | None = None
    message: str | None = None

    def to_json(self) -> bytes:
        """Write the body of an answer."""
        return json.dumps(_CONVERTER.unstructure(self)).encode()

    @classmethod
    def from_data(cls, content: object) -> "Presence":
        """Take the decoded body of an answer.

        Raises
        ------
        adapters.common.converters.UnfitError
            Raised if it is none.
        """
        return structured(_CONVERTER, content, cls, {})
