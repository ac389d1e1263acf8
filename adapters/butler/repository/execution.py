"""Running a graph: one quantum after the other, provenance written as they end."""

from collections.abc import Callable, Mapping
from uuid import UUID

from attrs import frozen
from lsst.daf.butler import Quantum
from lsst.daf.butler.logging import ButlerLogRecords
from lsst.pipe.base import AlgorithmError, TaskMetadata
from lsst.pipe.base.mp_graph_executor import MPGraphExecutor, MPGraphExecutorError
from lsst.pipe.base.pipeline_graph import TaskNode
from lsst.pipe.base.quantum_graph import PredictedQuantumGraph
from lsst.pipe.base.quantum_graph_executor import QuantumExecutionResult, QuantumExecutor
from lsst.utils.timer import logInfo

from adapters.butler.repository.disk_reserve import DiskReserve
from adapters.butler.repository.visit_repository import BeforeTask
from adapters.butler.shared.outages import is_disk_full, neighbour_away
from adapters.butler.shared.steps import one_line
from domain.errors import PromptProcessingError
from ports.neighbours import Neighbour
from ports.workspace import DiskFullError

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
    away: Neighbour | None = None
    """The neighbour without whom a quantum failed, as far as its error tells."""
    is_refused: bool = False
    """Whether nothing failed but tasks that cannot do with what they were given, again or not."""


class _RefusedError(BaseException):
    """Ends a run at once: the graph's executor goes on after anything that is an `Exception`."""


class _WatchedExecutor(QuantumExecutor):
    """Asks before each quantum, and notes how long it took and why it failed."""

    def __init__(
        self,
        executor: QuantumExecutor,
        before_task: BeforeTask,
        clock: Callable[[], float],
        *,
        quanta: int,
        reserve: DiskReserve,
    ) -> None:
        self._executor = executor
        self._before_task = before_task
        self._clock = clock
        self._left = quanta
        self._reserve = reserve
        self.failures: list[str] = []
        self.refusals = 0
        self.away: Neighbour | None = None
        self.seconds: dict[str, float] = {}

    def execute(
        self,
        task_node: TaskNode,
        /,
        quantum: Quantum,
        quantum_id: UUID | None = None,
        *,
        log_records: ButlerLogRecords | None = None,
    ) -> QuantumExecutionResult:
        """Run one quantum, if nobody objects."""
        self._ask(task_node.label)
        began = self._clock()
        try:
            return self._executor.execute(task_node, quantum, quantum_id, log_records=log_records)
        except Exception as error:
            failure = f"{task_node.label} {quantum.dataId}: {one_line(_reason(error))}"
            if is_disk_full(_reason(error)):
                raise _RefusedError from DiskFullError(failure)
            self.failures.append(failure)
            self.refusals += isinstance(_reason(error), AlgorithmError)
            # Tasks read from one database only.
            self.away = self.away or neighbour_away(_reason(error), database=Neighbour.APDB)
            _say_no_outputs(log_records)
            raise
        finally:
            name = f"task {task_node.label}"
            self.seconds[name] = self.seconds.get(name, 0.0) + self._clock() - began
            self._left -= 1
            if not self._left:
                # What is still to be written is the provenance.
                self._reserve.release()

    def _ask(self, label: str) -> None:
        try:
            self._before_task(label)
        except PromptProcessingError as error:
            raise _RefusedError from error


def _reason(error: BaseException) -> BaseException:
    """Find what went wrong: a constructor's error is hidden by one of the executor's own."""
    if isinstance(error, UnboundLocalError) and error.__context__ is not None:
        return error.__context__
    return error


def _say_no_outputs(log_records: ButlerLogRecords | None) -> None:
    """Complete the notes of a quantum that failed before it ran, so that provenance can be written."""
    if log_records is not None and log_records.extra.get("metadata") is None:
        quantum: dict[str, object] = {"outputs": []}
        for moment in ("prep", "end"):
            logInfo(None, moment, metadata=quantum)
        log_records.extra["metadata"] = TaskMetadata.from_dict({"quantum": quantum})


def run_graph(
    graph: PredictedQuantumGraph,
    executor: QuantumExecutor,
    provenance_file: str,
    before_task: BeforeTask,
    *,
    clock: Callable[[], float],
    reserve: DiskReserve,
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
    reserve
        Room that is needed no more once all quanta have ended.

    Raises
    ------
    DiskFullError
        Raised if the disk does not take what a quantum makes.
    """
    quanta = len(graph.quantum_only_xgraph)
    watched = _WatchedExecutor(executor, before_task, clock, quanta=quanta, reserve=reserve)
    runner = MPGraphExecutor(num_proc=1, timeout=_FOREVER, quantum_executor=watched)
    whole = True
    try:
        runner.execute(graph, provenance_graph_file=provenance_file)
    except MPGraphExecutorError:
        pass  # told in `failures`, a line each
    except SystemExit:
        # This is how it answers a quantum that contradicts its own graph.
        whole = False
    except _RefusedError as refusal:
        raise refusal.__cause__ or refusal from None
    return GraphRun(
        failures=tuple(watched.failures),
        seconds=watched.seconds,
        provenance=whole,
        away=watched.away,
        is_refused=0 < watched.refusals == len(watched.failures),
    )
