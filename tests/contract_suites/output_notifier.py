"""What every `ports.output_notifier.OutputNotifier` keeps to."""

import abc

import pytest

from ports.output_notifier import NotificationLostError, OutputNotifier


class Writer(abc.ABC):
    """What the Butler Writer would find, and the notifier under test."""

    notifier: OutputNotifier

    @abc.abstractmethod
    async def received(self) -> list[bytes]:
        """List what the broker has."""

    @abc.abstractmethod
    async def laid_down(self) -> list[bytes]:
        """List what the outbox has."""

    @abc.abstractmethod
    async def fail(self, *, outbox: bool) -> None:
        """Put the broker unreachable, and the outbox as well if told so."""


class OutputNotifierContract:
    @pytest.fixture
    def writer(self) -> Writer:
        raise NotImplementedError

    async def test_messages_arrive_whole_and_in_order(self, writer: Writer) -> None:
        messages = [b"a", "ü\0".encode(), b"x" * 100_000]
        for message in messages:
            await writer.notifier.send(message)
        assert await writer.received() == messages
        assert await writer.laid_down() == []

    async def test_without_a_broker_the_outbox_has_it(self, writer: Writer) -> None:
        await writer.notifier.send(b"a")
        await writer.fail(outbox=False)
        await writer.notifier.send(b"b")
        await writer.notifier.send(b"c")
        assert sorted(await writer.laid_down()) == [b"b", b"c"]

    async def test_without_either_it_is_lost_and_said(self, writer: Writer) -> None:
        await writer.fail(outbox=True)
        with pytest.raises(NotificationLostError):
            await writer.notifier.send(b"a")
