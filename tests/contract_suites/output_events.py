"""What every `ports.central_registry.OutputEvents` keeps to."""

import abc
import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from ports.central_registry import OutputEvents

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))


class Topic(abc.ABC):
    """Both ends of the topic, and the outbox beside it."""

    @abc.abstractmethod
    async def send(self, *messages: bytes) -> None: ...

    @abc.abstractmethod
    async def lay_down(self, message: bytes) -> None:
        """Put a message into the outbox."""

    @abc.abstractmethod
    async def outbox(self) -> list[bytes]:
        """List what lies in the outbox."""

    @abc.abstractmethod
    async def restarted(self) -> OutputEvents:
        """Make a writer in place of the one before, which finishes nothing."""

    @abc.abstractmethod
    async def announced(self) -> list[Sequence[UUID]]:
        """List the batches that were announced, in order."""

    @abc.abstractmethod
    async def dead_letters(self) -> list[tuple[bytes, str]]:
        """List messages set aside, with reasons."""


async def read(events: OutputEvents, count: int) -> list[bytes]:
    """Read so many messages, in however many batches, all of one finish."""
    bodies: list[bytes] = []
    async with asyncio.timeout(30):
        while len(bodies) < count:
            bodies += [event.body for event in await events.batch()]
    return bodies


class OutputEventsContract:
    @pytest.fixture
    def topic(self) -> Topic:
        raise NotImplementedError

    async def test_messages_come_in_order(self, topic: Topic) -> None:
        messages = [f"{number}".encode() for number in range(50)]
        await topic.send(*messages)
        assert await read(await topic.restarted(), 50) == messages

    async def test_messages_that_wait_together_come_together(self, topic: Topic) -> None:
        events = await topic.restarted()
        await topic.send(*[b"x"] * 50)
        sizes: list[int] = []
        while sum(sizes) < 50:
            sizes.append(len(await events.batch()))
            await asyncio.sleep(0.5)
        assert len(sizes) <= 3

    async def test_a_finished_batch_is_announced_and_does_not_come_again(self, topic: Topic) -> None:
        await topic.send(b"a", b"b")
        events = await topic.restarted()
        await read(events, 2)
        await events.finish([ONE, TWO])
        await topic.send(b"c")
        events = await topic.restarted()
        assert await read(events, 1) == [b"c"]
        await events.finish([THREE])
        assert await topic.announced() == [(ONE, TWO), (THREE,)]

    async def test_an_unfinished_batch_comes_again(self, topic: Topic) -> None:
        await topic.send(b"a", b"b")
        events = await topic.restarted()
        await read(events, 2)
        events = await topic.restarted()
        assert await read(events, 2) == [b"a", b"b"]
        assert await topic.announced() == []

    async def test_a_batch_of_no_datasets_is_finished_without_a_word(self, topic: Topic) -> None:
        await topic.send(b"a")
        events = await topic.restarted()
        await read(events, 1)
        await events.finish([])
        await topic.send(b"b")
        assert await read(await topic.restarted(), 1) == [b"b"]
        assert await topic.announced() == []

    async def test_what_is_set_aside_is_a_dead_letter_with_its_reason(self, topic: Topic) -> None:
        await topic.send(b"good", b"bad")
        events = await topic.restarted()
        batch = await events.batch()
        while len(batch) < 2:
            batch = [*batch, *await events.batch()]
        await events.set_aside(batch[1], "conflicts with the registry: ü")
        await events.finish([ONE])
        await topic.send(b"c")
        assert await read(await topic.restarted(), 1) == [b"c"]
        assert await topic.dead_letters() == [(b"bad", "conflicts with the registry: ü")]

    async def test_what_is_set_aside_is_kept_whole_whatever_its_size(self, topic: Topic) -> None:
        bad = [b"x" * size for size in (899_000, 905_000, 3_000_000)]
        for message in bad:
            await topic.lay_down(message)
        events = await topic.restarted()
        batch = await events.batch()
        for event in batch:
            await events.set_aside(event, "nonsense")
        await events.finish([])
        assert sorted(await topic.dead_letters()) == [(message, "nonsense") for message in bad]
        assert await topic.outbox() == []

    async def test_what_lies_in_the_outbox_comes_and_is_deleted_when_finished(self, topic: Topic) -> None:
        await topic.lay_down(b"late")
        events = await topic.restarted()
        assert await read(events, 1) == [b"late"]
        assert await topic.outbox() == [b"late"]
        await events.finish([ONE])
        assert await topic.outbox() == []
        assert await topic.announced() == [(ONE,)]

    async def test_losing_patience_loses_nothing(self, topic: Topic) -> None:
        events = await topic.restarted()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await events.batch()
        await topic.send(b"a")
        assert await read(events, 1) == [b"a"]
