from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.host.clock import SystemIdentifiers
from adapters.kafka.connection import KafkaConnection
from adapters.kafka.outputs import output_notifier
from adapters.kafka.outputs.output_notifier import KafkaOutputNotifier


class SilentProducer:
    """Keeps what it shall send, and says nothing of it for now: it may go out later on."""

    def __init__(self, _: object = None) -> None:
        self.queue: list[bytes] = []

    def produce(self, _: str, message: bytes, on_delivery: Callable[..., None]) -> None:  # noqa: ARG002 - of librdkafka
        self.queue.append(message)

    def flush(self, _: float) -> int:
        return len(self.queue)

    def purge(self) -> None:
        self.queue.clear()


async def test_what_the_outbox_has_does_not_go_out_later_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    producer = SilentProducer()
    monkeypatch.setattr(output_notifier, "Producer", lambda _: producer)
    notifier = KafkaOutputNotifier(
        connection=KafkaConnection(bootstrap_servers="127.0.0.1:1"),
        topic="pp-output",
        outbox_root=tmp_path.as_uri(),
        identifiers=SystemIdentifiers(),
    )
    await notifier.open()
    await notifier.send(b"a")
    await notifier.close()
    assert [path.read_bytes() for path in (tmp_path / ".prompt-outbox").iterdir()] == [b"a"]
    assert producer.queue == []
