"""Visits that people name in files."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from adapters.common.visit_record import UndecodableVisitError, visit_from_record
from domain.errors import PromptProcessingError
from domain.visit import Visit

__all__ = ["NoVisitError", "read_visits"]


class NoVisitError(PromptProcessingError):
    """A file holds something else than visits."""


def read_visits(file: str) -> Iterator[Visit]:
    """Read visits as nextVisit messages in JSON; ``-`` is standard input.

    Raises
    ------
    NoVisitError
        Raised if there is anything else.
    """
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NoVisitError(f"{file} cannot be read: {error}") from error
    for number, record in enumerate(_records(file, text), start=1):
        where = f"visit {number} of {'standard input' if file == '-' else file}"
        if not isinstance(record, Mapping):
            raise NoVisitError(f"{where} is no JSON object")
        try:
            yield visit_from_record(record)
        except UndecodableVisitError as error:
            raise NoVisitError(f"{where}: {error}") from error


def _records(file: str, text: str) -> Sequence[object]:
    """Read a JSON object, a list of them, or one on each line."""
    try:
        content = json.loads(text)
    except ValueError as whole:
        try:
            return [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError:
            raise NoVisitError(f"{file} is no JSON: {whole}") from None
    return content if isinstance(content, list) else [content]
