"""Reads the image's Dockerfile, as far as tests of its text need."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from entrypoints.containers.parts.deployment import INSTALL

__all__ = ["DOCKERFILE", "FOLDER", "Ignored", "Instruction", "Stage", "argv", "pairs", "read_dockerfile"]

FOLDER = INSTALL / "deploy" / "container"
DOCKERFILE = FOLDER / "Dockerfile"

_KNOWN = frozenset({"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "HEALTHCHECK", "LABEL", "RUN"}) | {
    "SHELL",
    "USER",
    "WORKDIR",
}
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


@frozen
class Instruction:
    """One instruction, on one line; a RUN's variables are left to its shell."""

    verb: str
    text: str


@frozen(kw_only=True)
class Stage:
    """One stage."""

    name: str
    base: str
    """Another stage, or an image."""
    instructions: Sequence[Instruction]
    arguments: Mapping[str, str]
    """Build arguments that the stage asks for."""


def read_dockerfile(text: str, given: Mapping[str, str]) -> Sequence[Stage]:
    """Read stages.

    Parameters
    ----------
    text
        The Dockerfile.
    given
        Build arguments; the others have their defaults.

    Raises
    ------
    ValueError
        Raised if it holds what is not understood here.
    """
    outside: dict[str, str] = {}
    stages: list[Stage] = []
    for verb, rest in _instructions(text):
        if verb == "FROM":
            base, _, name = _filled(rest, outside).partition(" AS ")
            stages.append(Stage(name=name, base=base, instructions=[], arguments={}))
        elif verb == "ARG" and not stages:
            name, _, default = rest.partition("=")
            outside[name] = given.get(name, default)
        elif verb in _KNOWN and stages:
            stages[-1] = _with(stages[-1], verb, rest, {**outside, **given})
        else:
            raise ValueError(f"{verb} {rest}: not understood")
    return stages


def _with(stage: Stage, verb: str, rest: str, values: Mapping[str, str]) -> Stage:
    arguments = dict(stage.arguments)
    if verb == "ARG":
        name, _, default = rest.partition("=")
        arguments[name] = values.get(name, default)
    text = rest if verb in {"RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"} else _filled(rest, arguments)
    added = [*stage.instructions, Instruction(verb, text)]
    return Stage(name=stage.name, base=stage.base, instructions=added, arguments=arguments)


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for line in re.split(r"(?<!\\)\n", "\n".join(lines)):
        if line.strip():
            verb, _, rest = line.replace("\\\n", " ").strip().partition(" ")
            yield verb, re.sub(r"\s+", " ", rest).strip()


def _filled(text: str, values: Mapping[str, str]) -> str:
    # What is not a build argument is left as it is: a variable of the image.
    return _VARIABLE.sub(lambda found: values.get(found[1] or found[2], found[0]), text)


def pairs(text: str) -> dict[str, str]:
    """Read ``NAME=value`` pairs of an ENV or LABEL."""
    return dict(word.split("=", 1) for word in shlex.split(text))


def argv(text: str) -> list[str]:
    """Read a command in its JSON form."""
    words = json.loads(text)
    if not isinstance(words, list):
        raise TypeError(f"{text}: not in the JSON form")
    return [str(word) for word in words]


@frozen
class Ignored:
    """What the build context leaves out: all, but the paths named, less patterns of names."""

    kept: Sequence[str]
    patterns: Sequence[str]

    @classmethod
    def read(cls, file: Path) -> "Ignored":
        """Read an ignore file of the form that is used here.

        Raises
        ------
        ValueError
            Raised if it is of another form.
        """
        lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
        kept = [line[1:] for line in lines if line.startswith("!")]
        patterns = [line.removeprefix("**/") for line in lines if line.startswith("**/")]
        if lines[0] != "*" or len(lines) != 1 + len(kept) + len(patterns):
            raise ValueError(f"{file}: neither `*`, `!path` nor `**/pattern`")
        return cls(kept, patterns)
