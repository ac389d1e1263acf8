"""List, show, replay and discard dead letters."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence

import click

from application.dead_letters import Dealt, LetterDesk, Selection, discarded, replayed
from domain.errors import PromptProcessingError
from domain.visible_text import visible
from entrypoints.commands.tables import console, table
from entrypoints.dead_letters.options import Place, chosen, place_options, selection_options
from entrypoints.dead_letters.records import letter_record, when
from entrypoints.running import Neighbour, opened
from entrypoints.saying import say
from ports.dead_letters import DeadLetter

__all__ = ["command"]

_INCOMPLETE = 1

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for machines.")
dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would become of them.")


@click.group(name="dead-letters")
def command() -> None:
    """Look after what queue, fan-out and Butler Writer could not deal with.

    Each place is reached with the environment of its own process: --of queue that of a worker,
    --of fan-out that of the fan-out, --of writer that of the Butler Writer. --site DIR
    is the queue of a site.

    Exit code 0: done; 1: nothing was chosen, something was not done, or a neighbour is away;
    2: the settings or options are wrong.
    """


@command.command(name="list")
@place_options
@selection_options
@as_json_option
def list_letters(*, place: Place, selection: Selection, as_json: bool) -> None:
    """List dead letters, oldest first."""
    letters = _found(place, selection, lambda _, found: _same(found))
    if as_json:
        say(json.dumps([letter_record(letter) for letter in letters], indent=2))
        return
    columns = ("id", "since (UTC)", "group", "visit", "detector", "reason")
    rows = [
        (
            letter.id,
            when(letter.since),
            letter.group,
            "" if letter.visit is None else letter.visit,
            "" if letter.detector is None else letter.detector,
            letter.reason,
        )
        for letter in letters
    ]
    screen = console()
    screen.print(table("Dead letters", columns, rows) if rows else "there are no dead letters")


@command.command()
@place_options
@selection_options
def show(*, place: Place, selection: Selection) -> None:
    """Print dead letters whole, as JSON lines."""
    letters = _found(place, selection, lambda _, found: _same(found))
    for letter in letters:
        say(json.dumps(letter_record(letter, with_body=True)))
    _end(some=bool(letters), all_done=True)


@command.command()
@place_options
@selection_options
@click.option("--all", "everything", is_flag=True, help="All of them, where nothing else chooses.")
@dry_run_option
@as_json_option
def replay(*, place: Place, selection: Selection, everything: bool, dry_run: bool, as_json: bool) -> None:
    """Put dead letters back where they came from.

    Each goes back once, whoever else tries at the same time, as a new entry that keeps its origin. Work that
    may have changed anything is refused. A visit's age runs from its replay.
    """
    chosen(selection, everything=everything)
    _tell(
        _found(place, selection, lambda desk, found: replayed(desk, found, dry_run=dry_run)), as_json=as_json
    )


@command.command()
@place_options
@selection_options
@click.option("--all", "everything", is_flag=True, help="All of them, where nothing else chooses.")
@click.option("--why", required=True, help="The reason, which is logged.")
@dry_run_option
@as_json_option
def discard(
    *, place: Place, selection: Selection, everything: bool, why: str, dry_run: bool, as_json: bool
) -> None:
    """Remove dead letters for good."""
    chosen(selection, everything=everything)
    if not why.strip():
        raise click.UsageError("--why: says nothing")
    _tell(
        _found(place, selection, lambda desk, found: discarded(desk, found, why, dry_run=dry_run)),
        as_json=as_json,
    )


def _found[T](
    place: Place,
    selection: Selection,
    deal: Callable[[LetterDesk, Sequence[DeadLetter]], Awaitable[T]],
) -> T:
    """Deal with the chosen letters of a place."""
    desk, neighbours = place.wired()
    try:
        return asyncio.run(_deal(desk, neighbours, selection, deal))
    except PromptProcessingError as error:
        raise click.ClickException(str(error)) from error


async def _deal[T](
    desk: LetterDesk,
    neighbours: Sequence[Neighbour],
    selection: Selection,
    deal: Callable[[LetterDesk, Sequence[DeadLetter]], Awaitable[T]],
) -> T:
    async with opened(*neighbours):
        found = [letter for letter in await desk.letters.letters() if selection.has(letter)]
        return await deal(desk, found)


async def _same(found: Sequence[DeadLetter]) -> Sequence[DeadLetter]:
    return found


def _tell(done: Sequence[Dealt], *, as_json: bool) -> None:
    if as_json:
        records = [{**letter_record(one.letter), "done": one.is_done, "said": one.said} for one in done]
        say(json.dumps(records, indent=2))
    for one in () if as_json else done:
        letter = one.letter
        of = f" (group {letter.group}, detector {letter.detector})" if letter.identity else ""
        say(visible(f"{letter.id}{of}: {'' if one.is_done else 'left where it is: '}{one.said}"))
    if not done:
        say("no dead letter is like that", err=True)
    _end(some=bool(done), all_done=all(one.is_done for one in done))


def _end(*, some: bool, all_done: bool) -> None:
    if not (some and all_done):
        raise SystemExit(_INCOMPLETE)
