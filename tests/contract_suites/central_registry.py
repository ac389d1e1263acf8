"""What every `ports.central_registry.CentralRegistry` keeps to."""

import abc
from collections.abc import Collection
from uuid import UUID

import pytest

from ports.central_registry import (
    CentralRegistry,
    OutputEvent,
    RegistryUnavailableError,
    UnappliableEventError,
)

UNREADABLE = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"pp-output"',
    b"\xff\xfe",
    b"{}",
    b'{"type": "pp-output"}',
    b'{"type": "pp-output", "dimension_records": [], "datasets": 3}',
    b'{"type": "pp-output", "dimension_records": [], "datasets": [{"refs": {"x": {}}, "path": ""}]}',
)


class Registry(abc.ABC):
    """The registry under test, and the workers that write to it."""

    registry: CentralRegistry

    @abc.abstractmethod
    async def export(self) -> OutputEvent:
        """Let the next visit-detector finish: its files are in place."""

    @abc.abstractmethod
    async def conflicting(self) -> OutputEvent:
        """Make a message that contradicts what the first export put there."""

    @abc.abstractmethod
    async def registered(self) -> Collection[UUID]:
        """List the datasets of workers that a reader finds."""

    @abc.abstractmethod
    async def break_off(self) -> None:
        """Put the registry unreachable."""

    @abc.abstractmethod
    async def recover(self) -> None:
        """Undo `break_off`."""


class CentralRegistryContract:
    @pytest.fixture
    def world(self) -> Registry:
        raise NotImplementedError

    async def test_all_of_a_batch_is_there_afterwards(self, world: Registry) -> None:
        events = [await world.export(), await world.export()]
        datasets = await world.registry.apply(events)
        assert len(datasets) > 0
        assert set(await world.registered()) == set(datasets)

    async def test_repeats_are_skipped_and_told_again(self, world: Registry) -> None:
        event = await world.export()
        first = await world.registry.apply([event])
        again = await world.registry.apply([event, event])
        assert set(first) == set(again) == set(await world.registered())

    async def test_an_empty_batch_is_nothing(self, world: Registry) -> None:
        assert list(await world.registry.apply([])) == []

    @pytest.mark.parametrize("body", UNREADABLE)
    async def test_an_unreadable_message_stops_its_batch(self, world: Registry, body: bytes) -> None:
        good = await world.export()
        with pytest.raises(UnappliableEventError, match="the bad one"):
            await world.registry.apply([good, OutputEvent(body=body, position="the bad one")])
        assert not await world.registered()

    async def test_a_conflict_stops_its_batch_and_leaves_no_trace(self, world: Registry) -> None:
        await world.registry.apply([await world.export()])
        before = set(await world.registered())
        bad, good = await world.conflicting(), await world.export()
        with pytest.raises(UnappliableEventError):
            await world.registry.apply([good, bad])
        assert set(await world.registered()) == before
        assert set(await world.registry.apply([good])) | before == set(await world.registered())

    async def test_out_of_reach_means_later(self, world: Registry) -> None:
        event = await world.export()
        await world.break_off()
        with pytest.raises(RegistryUnavailableError):
            await world.registry.apply([event])
        await world.recover()
        assert set(await world.registry.apply([event])) == set(await world.registered())
