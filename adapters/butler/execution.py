"""Running a graph: one quantum after the other, provenance written as they end."""

from collections.abc import Callable, Mapping
from uuid import UUID

from attrs import frozen
from lsst.daf.butler import Quantum
from lsst.daf.butler.logging import ButlerLogRecords
from lsst.pipe.base.mp_graph_executor import MPGraphExecutor, MPGraphExecutorError
from lsst.pipe.base.pipeline_graph import TaskNode
from lsst.pipe.base.quantum_graph import PredictedQuantumGraph
from lsst.pipe.base.quantum_graph_executor import QuantumExecutionResult, QuantumExecutor

from adapters.butler.steps import one_line
from adapters.butler.visit_repository import BeforeTask
from domain.errors import PromptProcessingError

__all__ = ["GraphRun", "run_graph"]

_FOREVER = 30 * 86_400.0  # Seconds: the workspace's owner kills the process long before.


@frozen(kw_only=True)
class GraphRun:
    """How the run of a graph ended."""

    failures: tuple[str, ...]
    """A line for each quantum that failed."""
    seconds: Mapping[str, float]
    """Time spent in each task, by ``task {label}``."""
    provenance: bool
    """Whether the provenance file is complete."""


class _WatchedExecutor(QuantumExecutor):
    """Asks before each quantum, and notes how long it took and why it failed."""

    def __init__(
        self, executor: QuantumExecutor, before_task: BeforeTask, clock: Callable[[], float]
    ) -> None:
        self._executor = executor
        self._before_task = before_task
        self._clock = clock
        self.failures: list[str] = []
        self.seconds: dict[str, float] = {}
        self.refusal: PromptProcessingError | None = None

    def execute(
        self,
        task_node: TaskNode,
        /,
        quantum: Quantum,
        quantum_id: UUID | None = None,
        *,
        log_records: ButlerLogRecords | None = None,
    ) -> QuantumExecutionResult:
        """Run one quantum, if nobody objects.

        After one objection none runs any more: the graph's executor goes on
        with its next quantum whatever is thrown.
        """
        if self.refusal is not None:
            raise self.refusal
        began = self._clock()
        try:
            self._ask(task_node.label)
            return self._executor.execute(task_node, quantum, quantum_id, log_records=log_records)
        except Exception as error:
            self.failures.append(f"{task_node.label} {quantum.dataId}: {one_line(error)}")
            raise
        finally:
            name = f"task {task_node.label}"
            self.seconds[name] = self.seconds.get(name, 0.0) + self._clock() - began

    def _ask(self, label: str) -> None:
        try:
            self._before_task(label)
        except PromptProcessingError as error:
            self.refusal = error
            raise


def run_graph(
    graph: PredictedQuantumGraph,
    executor: QuantumExecutor,
    provenance_file: str,
    before_task: BeforeTask,
    clock: Callable[[], float],
) -> GraphRun:
    """Run all quanta of a graph that can be run.

    Parameters
    ----------
    graph
        The graph.
    executor
        Runs one quantum.
    provenance_file
        Where the provenance is written, of failed quanta too.
    before_task
        What it raises ends the run and is raised here.
    clock
        Seconds, monotonic.
    """
    watched = _WatchedExecutor(executor, before_task, clock)
    runner = MPGraphExecutor(num_proc=1, timeout=_FOREVER, quantum_executor=watched)
    whole = True
    try:
        runner.execute(graph, provenance_graph_file=provenance_file)
    except MPGraphExecutorError:
        pass  # told in `failures`, a line each
    except SystemExit:
        # This is how it answers a quantum that contradicts its own graph.
        whole = False
    if watched.refusal is not None:
        raise watched.refusal
    return GraphRun(failures=tuple(watched.failures), seconds=watched.seconds, provenance=whole)
