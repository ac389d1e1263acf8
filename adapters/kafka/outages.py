"""What librdkafka says of its connections, made into one complaint an outage."""

from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaError

__all__ = ["Outages"]

_HOPELESS: Final = frozenset(
    {
        # librdkafka's own codes begin with an underscore.
        KafkaError._AUTHENTICATION,
        KafkaError._RESOLVE,
        KafkaError._SSL,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
    }
)


class Outages:
    """Listens for one client, in the thread that polls it.

    Of single connections librdkafka takes care by itself; what counts is that
    all are gone, and why.

    Parameters
    ----------
    complain
        Called with the reason, once an outage.
    """

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._complain = complain
        self._details: list[str] = []
        self._polls_since = -1

    def hear(self, error: KafkaError) -> None:
        """Take an error in; librdkafka's ``error_cb``."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._polls_since = 0
        elif error.fatal() or error.code() in _HOPELESS:
            self._details = [error.str()]
            self._polls_since = 0
        else:
            self._details = [error.str()]

    def polled(self) -> None:
        """Complain if it is time to; to be called after every poll."""
        if self._polls_since < 0:
            return
        # That all are gone is said before the reason is.
        self._polls_since += 1
        if self._details or self._polls_since > 2:
            self._complain("; ".join(self._details) or "all brokers are down")
            self._polls_since = -1
            self._details = []
