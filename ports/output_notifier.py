"""The worker's messages to the Butler Writer."""

from typing import Protocol

from domain.errors import PromptProcessingError

__all__ = ["NotificationLostError", "OutputNotifier"]


class NotificationLostError(PromptProcessingError):
    """The message reached neither the broker nor the outbox."""


class OutputNotifier(Protocol):
    """Sends messages that must not be lost; Rubin's is ``KafkaButlerWriter``.

    When `send` returns, the message is acknowledged by the broker or laid down
    in the outbox of the central datastore, where the writer finds it.
    """

    async def send(self, message: bytes) -> None:
        """Hand one message over.

        Raises
        ------
        NotificationLostError
            Raised if both ways failed.
        """
        ...
