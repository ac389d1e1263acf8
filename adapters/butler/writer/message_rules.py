"""Which runs and formatters messages may name, so that a stranger's message reaches nothing else.

A run that is registered with a message's datasets is found by whoever looks into chains of
calibrations or templates; a formatter is imported, and runs code, wherever its dataset is read.
"""

import re
from collections.abc import Sequence
from typing import Final

from attrs import frozen
from lsst.daf.butler import FileDataset

from adapters.butler.shared.registration import is_raw_in_place
from domain.runs import OUTPUT_RUNS

__all__ = ["FORMATTER_PACKAGES", "MessageRules"]

FORMATTER_PACKAGES: Final = frozenset({"lsst", "prompt_pipelines"})
"""Of the Butler and Rubin's stack, and of the pipelines that come with this project."""


@frozen(kw_only=True)
class MessageRules:
    """What the writer takes from messages."""

    runs: str = OUTPUT_RUNS
    """Regular expression for names of runs, whole; raws that stay where they are have a run of their own."""
    formatter_packages: frozenset[str] = FORMATTER_PACKAGES
    """Packages whose formatters are taken."""
    raw_roots: Sequence[str] = ()
    """URIs below which raws can be that stay where they are."""

    def check(self, files: Sequence[FileDataset]) -> None:
        """See that runs and formatters are such.

        Raises
        ------
        ValueError
            Raised if one is not; names it.
        """
        for run in {ref.run for file in files if not is_raw_in_place(file) for ref in file.refs}:
            if not re.fullmatch(self.runs, run):
                raise ValueError(f"run {run!r:.200} is not of the form {self.runs} (RUN_PATTERN)")
        for formatter in {file.formatter for file in files if file.formatter is not None}:
            name = str(formatter)
            if not any(name.startswith(f"{package}.") for package in self.formatter_packages):
                allowed = ", ".join(sorted(self.formatter_packages))
                raise ValueError(f"formatter {name!r:.200} is not of {allowed} (FORMATTER_PACKAGES)")
