"""``make mutants``: change one thing in the code at a time, and see whether the tests of its module notice.

Cosmic Ray finds the places and changes them; here is what it lacks: a sample, and the tests of each module.
"""

import argparse
import ast
import contextlib
import hashlib
import itertools
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from tests.mutants.by_hand import EQUIVALENT, KNOWN
from tests.mutants.forked import failing, failing_now
from tests.mutants.tests_of import tests_of

_ROOT = Path(__file__).parents[2]
_MUTATED = ("domain", "application", "adapters/redis", "adapters/kafka", "adapters/butler")
_PUNCTUATION = frozenset(["(", ")", "[", "]", "{", "}", ",", ".", ":", "=", "->"])
_KILLED = ("killed by quick tests", "killed", "timed out")
_KEPT = _ROOT / ".make" / "mutants.txt"
"""What has been killed so far: a run that was stopped goes on, and only what lived is tried again."""
_WITH_ARGUMENTS = ("core/VariableReplacer", "core/VariableInserter")


@frozen
class Mutant:
    """A module with one thing changed."""

    module: Path
    line: int
    before: str
    after: str
    source: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: `{self.before}` -> `{self.after}`"

    @property
    def key(self) -> str:
        """What tells it from all others, also from those of another version of the module."""
        return hashlib.sha256(f"{self.module}\n{self.source}".encode()).hexdigest()[:16]


def main() -> int:
    """Try a sample of mutants; exit code 1 if too few are killed, or a known one lives."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--sample", type=int, default=200, help="how many mutants")
    parser.add_argument("--first", type=int, default=0, help="how many of the sample to leave out")
    parser.add_argument("--only", default="", help="of modules whose path begins so")
    parser.add_argument("--quick", action="store_true", help="only the tests that need no server")
    parser.add_argument("--known", action="store_true", help="instead, those that lived once")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if options.known:
        mutants = [_known(*one) for one in KNOWN]
    else:
        mutants = _sample(options.seed, options.sample, options.only)[options.first :]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(_ROOT, tree, ignore=shutil.ignore_patterns(".*", "__pycache__"))
        ends = Counter(_try(tree, mutant, quick=options.quick) for mutant in mutants)
    tried = len(mutants) - ends["equivalent"]
    killed = sum(ends[end] for end in _KILLED)
    _say(", ".join(f"{many} {end}" for end, many in sorted(ends.items())))
    _say(f"{killed} of {tried} killed, {ends['killed by quick tests']} of them by quick tests")
    wanted = 1.0 if options.known else 0.6 if options.quick else 0.85
    return 0 if killed >= wanted * tried else 1


def _sample(seed: int, many: int, only: str) -> list[Mutant]:
    """Draw places, and of each one of the changes that can be made there."""
    chance = random.Random(seed)  # noqa: S311 - a sample is no secret
    modules = sorted(path for part in _MUTATED for path in (_ROOT / part).rglob("*.py"))
    places: dict[tuple[Path, tuple[int, int], str], list[tuple[str, int]]] = {}
    for module in modules:
        if module.relative_to(_ROOT).as_posix().startswith(only):
            for start, operator, occurrence in _changes(module.read_text()):
                places.setdefault((module, start, operator.split("_")[0]), []).append((operator, occurrence))
    drawn = list(places.items())
    chance.shuffle(drawn)
    mutants = (_mutant(module, *chance.choice(changes)) for (module, _, _), changes in drawn)
    _say(f"{len(places)} places in {len(modules)} modules, seed {seed}")
    return list(itertools.islice(filter(_can_be_compiled, mutants), many))


def _can_be_compiled(mutant: Mutant) -> bool:
    """Leave out those where a sign is none of arithmetic, but of a signature."""
    try:
        compile(mutant.source, mutant.module, "exec")
    except SyntaxError:
        return False
    return True


def _changes(source: str) -> Iterator[tuple[tuple[int, int], str, int]]:
    """Find where which operator applies."""
    # There are 150 operators; none changes these.
    nodes = [node for node in ast_nodes(get_ast(source)) if getattr(node, "value", "") not in _PUNCTUATION]
    nodes = [node for node in nodes if node.type not in {"name", "newline", "string"}]
    skipped = list(_not_run(source))
    for name in operator_names():
        if name in _WITH_ARGUMENTS:
            continue
        operator = get_operator(name)()
        positions = [start for node in nodes for start, _ in operator.mutation_positions(node)]
        for occurrence, start in enumerate(positions):
            if not any(begin <= start < end for begin, end in skipped):
                yield start, name, occurrence


def _not_run(source: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Find annotations, which are for mypy, and `kw_only`: no test gives values without names."""
    for node in ast.walk(ast.parse(source)):
        found = [getattr(node, name, None) for name in ("annotation", "returns")]
        if isinstance(node, ast.TypeAlias):
            found.append(node)
        if isinstance(node, ast.keyword) and node.arg == "kw_only":
            found.append(node.value)
        for one in found:
            if isinstance(one, ast.expr | ast.TypeAlias):
                yield (one.lineno, one.col_offset), (one.end_lineno or 0, one.end_col_offset or 0)


def _mutant(module: Path, operator: str, occurrence: int) -> Mutant:
    source = module.read_text()
    return _compared(module, source, mutate_code(source, get_operator(operator)(), occurrence))


def _known(name: str, before: str, after: str) -> Mutant:
    source = (_ROOT / name).read_text()
    if source.count(before) != 1:
        raise SystemExit(f"{name} has {source.count(before)} times: {before}")
    return _compared(_ROOT / name, source, source.replace(before, after))


def _compared(module: Path, source: str, mutated: str) -> Mutant:
    lines, others = source.splitlines(), mutated.splitlines()
    pairs = enumerate(zip(lines, others, strict=False), 1)
    line, (before, after) = next((number, pair) for number, pair in pairs if pair[0] != pair[1])
    return Mutant(module.relative_to(_ROOT), line, before.strip(), after.strip(), mutated)


def _try(tree: Path, mutant: Mutant, *, quick: bool) -> str:
    begin = time.monotonic()
    end = _kept().get(mutant.key, "")
    # What only slow tests killed says nothing of the quick ones.
    if end not in _KILLED or (quick and end == "killed"):
        end = _end_of(tree, mutant, quick=quick)
        with _KEPT.open("a") as file:
            file.write(f"{mutant.key} {end}\n")
    _say(f"{end:<22} {time.monotonic() - begin:4.0f} s  {mutant}")
    return end


def _kept() -> dict[str, str]:
    """Read how mutants of earlier runs ended."""
    _KEPT.parent.mkdir(exist_ok=True)
    lines = _KEPT.read_text().splitlines() if _KEPT.exists() else []
    return {key: end for key, _, end in (line.partition(" ") for line in lines)}


def _end_of(tree: Path, mutant: Mutant, *, quick: bool) -> str:
    if (mutant.module.as_posix(), mutant.before, mutant.after) in EQUIVALENT:
        return "equivalent"
    fast, slow = tests_of(tree, mutant.module)
    otherwise = "survived"
    for end, tests in (("killed by quick tests", fast), ("killed", () if quick else slow)):
        if not tests:
            continue
        with _changed(tree, mutant):
            failed = failing_now(tree, tests)
        if failed is None:
            if failing(tree, tests) == ():
                return "timed out"
            otherwise = "no verdict"
        if failed:
            # What fails without the change too says nothing about it.
            return end if failing(tree, failed) == () else "no verdict"
    return otherwise


@contextlib.contextmanager
def _changed(tree: Path, mutant: Mutant) -> Iterator[None]:
    module = tree / mutant.module
    whole, times = module.read_text(), module.stat()
    module.write_text(mutant.source)
    try:
        yield
    finally:
        module.write_text(whole)
        # Bytecode is told apart by times and sizes.
        os.utime(module, ns=(times.st_atime_ns, times.st_mtime_ns))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
