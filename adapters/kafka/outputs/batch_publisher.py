"""Word of a finished batch and the offsets that it was read from, sent together."""

import contextlib
from collections.abc import Sequence
from typing import Any, Protocol

from attrs import frozen
from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition
from tenacity import retry_if_exception, stop_after_attempt

from adapters.common.retrying import Retries
from adapters.kafka.connection import KafkaConnection, producer_config

__all__ = [
    "BatchPublisher",
    "PlainPublisher",
    "Record",
    "RecordsTooLargeError",
    "TransactionalPublisher",
    "means_fenced",
]


@frozen(kw_only=True)
class Record:
    """One message to be sent."""

    topic: str
    body: bytes
    key: bytes | None = None
    headers: tuple[tuple[str, str | bytes | None], ...] = ()


class RecordsTooLargeError(Exception):
    """A topic takes no records of this size; none of the batch counts as sent.

    Parameters
    ----------
    records
        Those that are too large.
    """

    def __init__(self, records: Sequence[Record]) -> None:
        sizes = ", ".join(f"{len(record.body)} bytes for {record.topic}" for record in records)
        super().__init__(f"too large: {sizes}")
        self.records = tuple(records)


class BatchPublisher(Protocol):
    """Sends records; all methods block and raise `KafkaException`."""

    commits_offsets: bool
    """Whether `publish` commits the offsets as well."""

    def publish(self, records: Sequence[Record], offsets: Sequence[TopicPartition], group: object) -> None:
        """Send records, all of them or none.

        Raises
        ------
        RecordsTooLargeError
            Raised if a topic does not take some of them for their size.
        """
        ...

    def close(self) -> None:
        """Let go of the connection, and of what is not sent."""
        ...


class TransactionalPublisher:
    """Records and offsets in one transaction.

    Making one fences every other publisher of the same id, and ends its
    transaction: only whoever owns the partition may.

    Parameters
    ----------
    connection
        The cluster.
    transactional_id
        Under which the writer of the moment is known.
    patience
        Seconds for each step.
    """

    commits_offsets = True

    def __init__(self, connection: KafkaConnection, transactional_id: str, patience: float) -> None:
        self._patience = patience
        self._producer = Producer(
            _config(connection, patience)
            | {"transactional.id": transactional_id, "transaction.timeout.ms": round(2 * patience * 1000)}
        )
        self._producer.init_transactions(patience)

    def publish(self, records: Sequence[Record], offsets: Sequence[TopicPartition], group: object) -> None:
        """See `BatchPublisher.publish`."""
        producer = self._producer
        failures: list[_Failure] = []
        producer.begin_transaction()
        try:
            for record in records:
                _produce(producer, record, failures)
            if offsets:
                producer.send_offsets_to_transaction(list(offsets), group, self._patience)
            _COMMITS.run(producer.commit_transaction, self._patience)
        except RecordsTooLargeError:
            producer.abort_transaction(self._patience)
            raise
        except KafkaException as error:
            if error.args[0].txn_requires_abort():
                producer.abort_transaction(self._patience)
            # The reports may not have been heard yet.
            producer.poll(0)
            _check_sizes(failures)
            if failures and error.args[0].code() == KafkaError._INCONSISTENT:
                # It only says that something failed.
                raise KafkaException(failures[0].error) from error
            raise

    def close(self) -> None:
        """See `BatchPublisher.close`."""
        _close(self._producer)


class PlainPublisher:
    """Records only, for a broker without transactions; the offsets are committed afterwards.

    Parameters
    ----------
    connection
        The cluster.
    patience
        Seconds for a batch.
    """

    commits_offsets = False

    def __init__(self, connection: KafkaConnection, patience: float) -> None:
        self._patience = patience
        self._producer = Producer(_config(connection, patience))

    def publish(self, records: Sequence[Record], offsets: Sequence[TopicPartition], group: object) -> None:
        """See `BatchPublisher.publish`."""
        del offsets, group
        failures: list[_Failure] = []
        for record in records:
            _produce(self._producer, record, failures)
        if self._producer.flush(self._patience + 1.0):
            raise KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT))
        _check_sizes(failures)
        if failures:
            raise KafkaException(failures[0].error)

    def close(self) -> None:
        """See `BatchPublisher.close`."""
        _close(self._producer)


def means_fenced(error: KafkaError) -> bool:
    """Tell whether an error says that somebody else has taken over."""
    return error.code() in _FENCED


def _is_retriable(error: BaseException) -> bool:
    return isinstance(error, KafkaException) and bool(error.args[0].retriable())


_COMMITS = Retries(retry_if_exception(_is_retriable), stop=stop_after_attempt(3))
"""Attempts to learn how a transaction ended."""

_FENCED = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.FENCED_MEMBER_EPOCH,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError.REBALANCE_IN_PROGRESS,
    }
)


@frozen
class _Failure:
    """A record that a broker did not take."""

    record: Record
    error: KafkaError


def _config(connection: KafkaConnection, patience: float) -> dict[str, Any]:
    """Configure a producer: a topic's bound is one for what is sent at once, so records go one by one."""
    return producer_config(connection, delivery_timeout=patience) | {"batch.num.messages": 1}


def _close(producer: Producer) -> None:
    producer.purge()
    # Of one that was fenced it returns a value and an error at once, which Python refuses.
    with contextlib.suppress(SystemError):
        producer.close()


def _check_sizes(failures: Sequence[_Failure]) -> None:
    large = [each.record for each in failures if each.error.code() == KafkaError.MSG_SIZE_TOO_LARGE]
    if large:
        raise RecordsTooLargeError(large)


def _produce(producer: Producer, record: Record, failures: list[_Failure]) -> None:
    def report(error: KafkaError | None, _: object) -> None:
        if error is not None:
            failures.append(_Failure(record, error))

    try:
        producer.produce(
            record.topic, record.body, record.key, headers=list(record.headers), on_delivery=report
        )
    except BufferError as error:
        raise KafkaException(KafkaError(KafkaError._QUEUE_FULL)) from error
    except KafkaException as error:
        _check_sizes([_Failure(record, error.args[0])])
        raise
