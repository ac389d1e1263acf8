"""What the servers of the box have in common."""

import abc
from types import TracebackType
from typing import ClassVar, Self

__all__ = ["Service"]


class Service(abc.ABC):
    """A server that can be started and stopped, and is stopped at the end of a ``with`` block."""

    description: ClassVar[str]
    """One line that says what it is, for people."""
    is_real: ClassVar[bool]
    """Whether production could run the same program."""

    @abc.abstractmethod
    def start(self) -> None:
        """Start, and return when clients can come.

        Raises
        ------
        SimulatorError
            Raised if it does not come up.
        """

    @abc.abstractmethod
    def stop(self) -> None:
        """Stop and close the port; nothing happens if it does not run."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
