"""The worker's end of the topic in memory."""

from adapters.memory.outputs.output_topic import MemoryOutputTopic
from ports.output_notifier import NotificationLostError

__all__ = ["MemoryOutputNotifier"]


class MemoryOutputNotifier:
    """Sends to the topic, or lays down in the outbox while there is an outage.

    Parameters
    ----------
    topic
        Where messages go.
    """

    def __init__(self, topic: MemoryOutputTopic) -> None:
        self._topic = topic

    async def send(self, message: bytes) -> None:
        """See `ports.output_notifier.OutputNotifier.send`."""
        if not self._topic.outage:
            self._topic.messages.append(message)
            self._topic.changed.set()
        elif not self._topic.outbox_outage:
            self._topic.outbox[next(self._topic.outbox_names)] = message
        else:
            raise NotificationLostError(
                f"message of {len(message)} bytes: {self._topic.outage}; {self._topic.outbox_outage}"
            )
