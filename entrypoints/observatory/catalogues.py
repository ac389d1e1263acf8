"""What commands that read star catalogues have in common."""

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from entrypoints.containers.observatory import shipped_columns
from entrypoints.screen import Screen
from workbench.catalogues.stored_catalogues import Told

__all__ = ["COLUMNS_HELP", "reading"]

COLUMNS_HELP = (
    f"What the columns are called: a YAML file, or one of {', '.join(shipped_columns())}, which are shipped."
)


@contextlib.contextmanager
def reading() -> Iterator[Told]:
    """Show how far reading is: a bar on a terminal, else a line for each file."""
    console = Screen(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    ) as progress:
        yield _Teller(progress, console)


class _Teller:
    def __init__(self, progress: Progress, console: Console) -> None:
        self._progress = progress
        self._console = console
        self._task = progress.add_task("reading")
        self._last = ""

    def __call__(self, file: str, number: int, files: int, rows: int) -> None:
        text = f"{file}: {rows:,} rows"
        self._progress.update(self._task, total=files, completed=number - 1, description=text)
        if not self._console.is_terminal and file != self._last:
            self._console.print(f"reading {file} ({number} of {files})", highlight=False)
        self._last = file
