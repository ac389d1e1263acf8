"""Initializes copies of a repository in processes that are killed on the way, or run side by side.

``python -m tests.integration.butler.killed_initializer REPOSITORY FOLDER SEED MANY`` kills one process
at each of MANY steps chosen by SEED, and between the two rows of a run, and runs another after it; and two
at once. What it saw, it writes as JSON. It has one thread, so that it can fork: each process then begins
with everything imported, and with what its parent has read when it prepared a copy itself.
"""

import asyncio
import json
import os
import random
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lsst.daf.butler import Butler
from sqlalchemy import Engine, event

from tests.contract_suites.deployment_outputs import DAY_CHAIN, plans
from tests.integration.butler import night as n

_PLANS = plans([n.PLAIN, n.CHANGE], "pipelines-0000001")
_FILES = frozenset({"open", "os.mkdir", "os.rename", "os.link", "os.remove", "shutil.copyfile"})


def _prepare(root: Path) -> None:
    asyncio.run(n.deployment_outputs(root).prepare(DAY_CHAIN, _PLANS, register=True))


def _killed_before(root: Path, step: int) -> None:
    """Prepare, and be killed before a step: a change of a file, a change in the database, or its commit."""
    seen: list[str] = []

    def take(what: str) -> None:
        if len(seen) == step:
            os.kill(os.getpid(), signal.SIGKILL)
        seen.append(what)

    def hear(name: str, arguments: tuple[Any, ...]) -> None:
        if name in _FILES and str(arguments[0]).startswith(str(root)) and _is_change(name, arguments):
            take(name)

    def execute(connection: Any, cursor: Any, statement: str, *_rest: Any) -> None:
        del connection, cursor
        if statement.lstrip().startswith(("INSERT", "UPDATE", "DELETE", "CREATE")):
            take(statement)

    event.listen(Engine, "before_cursor_execute", execute)
    event.listen(Engine, "commit", lambda _connection: take("commit"))
    sys.addaudithook(hear)
    _prepare(root)
    (root.parent / "steps").write_text(json.dumps(seen))


def _is_change(name: str, arguments: tuple[Any, ...]) -> bool:
    return name != "open" or bool(arguments[2] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR))


def _forked(work: Callable[[], None]) -> int:
    """Begin something in a process of its own; returns its id."""
    child = os.fork()
    if child:
        return child
    try:
        work()
    except BaseException:  # noqa: BLE001 - nothing of the parent's may go on in the child
        traceback.print_exc()
        os._exit(1)
    os._exit(0)


def _ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _state(root: Path) -> Any:
    """What is there: names that can be read, and the chain; no identifiers, which differ."""
    with Butler.from_config(str(root)) as butler:
        runs = [plan.run for plan in _PLANS]
        refs = [ref for run in runs for ref in butler.query_all_datasets(run, find_first=False)]
        for ref in refs:
            butler.get(ref)
        return {
            "datasets": sorted(f"{ref.run} {ref.datasetType.name}" for ref in refs),
            "chain": list(butler.collections.get_info(DAY_CHAIN).children),
        }


def _saved_state(root: Path, *, again: bool) -> None:
    if again:
        _prepare(root)
    left = asyncio.run(n.deployment_outputs(root).preview(DAY_CHAIN, _PLANS, register=False))
    (root.parent / "state").write_text(json.dumps({**_state(root), "left": list(left)}))


def _seen(root: Path, *, again: bool = False) -> Any:
    code = _ended(_forked(lambda: _saved_state(root, again=again)))
    return json.loads((root.parent / "state").read_text()) if code == 0 else f"exit code {code}"


def _copy(repository: Path, folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(repository, folder / "central"))


def main(repository: Path, folder: Path, seed: int, many: int) -> dict[str, Any]:
    """Play all; returns what was seen."""
    _prepare(_copy(repository, folder))
    root = _copy(repository, folder)
    assert _ended(_forked(lambda: _killed_before(root, -1))) == 0
    taken = json.loads((folder / "steps").read_text())
    steps = len(taken)
    told: dict[str, Any] = {"steps": steps, "undisturbed": _seen(root), "killed": [], "at_once": []}
    half_a_run = next(at for at, what in enumerate(taken) if what.startswith("INSERT INTO run "))
    chosen = random.Random(seed).sample(range(steps), min(many, steps))  # noqa: S311 - no secret
    for step in sorted({half_a_run, *chosen}):
        root = _copy(repository, folder)
        first = _ended(_forked(lambda root=root, step=step: _killed_before(root, step)))  # type: ignore[misc]  # its defaults bind
        told["killed"].append({"step": step, "code": first, "state": _seen(root, again=True)})
    for killed in (None, steps // 3, 2 * steps // 3):  # The one killed may have left less to do than that.
        root = _copy(repository, folder)
        one = _forked(lambda root=root, killed=killed: _killed_before(root, -1 if killed is None else killed))  # type: ignore[misc]  # as above
        two = _forked(lambda root=root: _prepare(root))  # type: ignore[misc]  # as above
        told["at_once"].append({"codes": [_ended(one), _ended(two)], "state": _seen(root)})
    return told


if __name__ == "__main__":
    sys.stdout.write(
        json.dumps(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
    )
