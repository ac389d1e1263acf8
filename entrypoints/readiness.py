"""What `/readyz` asks a process."""

import contextlib
from collections.abc import Iterator

__all__ = ["Readiness"]


class Readiness:
    """Whether a process does its work: not before all is open, nor once it closes."""

    def __init__(self) -> None:
        self._is_ready = False

    def __call__(self) -> bool:
        """Say whether it does."""
        return self._is_ready

    @contextlib.contextmanager
    def ready(self) -> Iterator[None]:
        """Be ready as long as the block lasts."""
        self._is_ready = True
        try:
            yield
        finally:
            self._is_ready = False
