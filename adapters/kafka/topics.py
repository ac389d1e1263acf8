"""Topics that must be there, or may be made."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from attrs import frozen
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from adapters.kafka.connection import KafkaConnection, client_config
from adapters.kafka.positions import TopicMissingError

__all__ = ["TopicPlan", "require_topics"]

_LOG: Final = logging.getLogger(__name__)


@frozen(kw_only=True)
class TopicPlan:
    """A topic as it is to be made."""

    name: str
    partitions: int = 1
    retention: float | None = None
    """Seconds that messages are kept; None leaves it to the broker."""


async def require_topics(
    connection: KafkaConnection, plans: Sequence[TopicPlan], *, create: bool = False
) -> None:
    """See that topics exist.

    Brokers that cannot be reached are no fault here: whoever reads and writes
    the topics tries again.

    Parameters
    ----------
    connection
        The cluster.
    plans
        The topics.
    create
        Whether those that are missing are to be made, as many replicas as the
        broker has by default.

    Raises
    ------
    adapters.kafka.positions.TopicMissingError
        Raised if topics are missing, or cannot be made.
    """
    try:
        await asyncio.to_thread(_require, connection, plans, create)
    except KafkaException as error:
        _LOG.warning("topics cannot be listed: %s", error.args[0].str())


def _require(connection: KafkaConnection, plans: Sequence[TopicPlan], create: bool) -> None:
    admin = AdminClient(client_config(connection))
    present = admin.list_topics(timeout=connection.timeout).topics
    missing = [plan for plan in plans if plan.name not in present]
    if not missing:
        return
    names = ", ".join(plan.name for plan in missing)
    if not create:
        raise TopicMissingError(f"Kafka has no topic {names}")
    made = admin.create_topics([_new(plan) for plan in missing])
    for name, result in made.items():
        try:
            result.result(connection.timeout)
        except KafkaException as error:
            raise TopicMissingError(f"Kafka has no topic {name}, and makes none: {error}") from error
    _LOG.info("created topics %s", names)


def _new(plan: TopicPlan) -> NewTopic:
    kept = {} if plan.retention is None else {"retention.ms": str(round(plan.retention * 1000))}
    return NewTopic(plan.name, plan.partitions, -1, config=kept)
