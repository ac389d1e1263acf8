"""Adapters that are open within an ``async with`` block."""

import abc
from types import TracebackType
from typing import Self

__all__ = ["Opened"]


class Opened(abc.ABC):
    """Opens with a block and closes with it, also if it opened only in part."""

    @abc.abstractmethod
    async def open(self) -> None:
        """Open it."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Close it; harmless if it is not open."""

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
