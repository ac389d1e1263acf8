"""Where the time of a visit-detector goes: tasks, the datasets' own reading and writing, and the rest.

The rest is the framework: what this project can do something about.
"""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import define, field, frozen
from lsst.daf.butler import DeferredDatasetHandle, FormatterV2
from lsst.pipe.base import PipelineTask, QuantumContext

__all__ = ["Meter", "Spent"]


@frozen(kw_only=True)
class Spent:
    """Seconds of one stage; the parts add up to the whole."""

    whole: float
    tasks: float
    """Code of the tasks themselves, the APDB's included."""
    datasets: float
    """Formatters, from an object to its file and back."""

    @property
    def framework(self) -> float:
        """All else."""
        return self.whole - self.tasks - self.datasets


@define
class Meter:
    """A clock that knows whose time it is; while it is installed, the libraries tell it."""

    _seconds: dict[str, float] = field(factory=dict)
    _owners: list[str] = field(factory=lambda: ["framework"])
    _since: float = 0.0
    stages: dict[str, Spent] = field(factory=dict)
    """Of the visit-detector at hand."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a stage; its time adds to what the stage took before."""
        self._seconds = {}
        began = self._since = time.perf_counter()
        yield
        self._settle()
        before = self.stages.get(name, Spent(whole=0.0, tasks=0.0, datasets=0.0))
        self.stages[name] = Spent(
            whole=before.whole + self._since - began,
            tasks=before.tasks + self._seconds.get("tasks", 0.0),
            datasets=before.datasets + self._seconds.get("datasets", 0.0),
        )

    def _settle(self) -> None:
        """Give the time since the last change to whom it belonged."""
        now = time.perf_counter()
        owner = self._owners[-1]
        self._seconds[owner] = self._seconds.get(owner, 0.0) + now - self._since
        self._since = now

    def _given_to[**P, T](self, owner: str, call: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(call)
        def timed(*args: P.args, **kwargs: P.kwargs) -> T:
            self._settle()
            self._owners.append(owner)
            try:
                return call(*args, **kwargs)
            finally:
                self._settle()
                self._owners.pop()

        return timed

    @contextmanager
    def installed(self, tasks: list[type[PipelineTask]]) -> Iterator[None]:
        """Let the libraries tell whose time it is.

        Parameters
        ----------
        tasks
            Classes whose code counts as tasks'.
        """
        places: list[tuple[type, str, str]] = [(task, "runQuantum", "tasks") for task in tasks]
        places += [(QuantumContext, "get", "framework"), (QuantumContext, "put", "framework")]
        places += [(DeferredDatasetHandle, "get", "framework")]
        places += [(FormatterV2, "read", "datasets"), (FormatterV2, "write", "datasets")]
        before: list[tuple[type, str, Any]] = []
        try:
            for kind, name, owner in places:
                before.append((kind, name, kind.__dict__.get(name)))
                setattr(kind, name, self._given_to(owner, getattr(kind, name)))
            yield
        finally:
            for kind, name, original in reversed(before):
                if original is None:
                    delattr(kind, name)
                else:
                    setattr(kind, name, original)
