from confluent_kafka import KafkaError

from adapters.kafka.outages import Outages

DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
REFUSED = KafkaError(KafkaError._TRANSPORT, "connection refused")
PASSWORD = KafkaError(KafkaError._AUTHENTICATION, "wrong password")


def complaints(*heard: KafkaError | None) -> list[str]:
    """Feed errors, None for a poll, and see what is said of them."""
    said: list[str] = []
    outages = Outages(said.append)
    for error in heard:
        if error is None:
            outages.polled()
        else:
            outages.hear(error)
    return said


def test_a_single_connection_is_nobodys_concern() -> None:
    assert complaints(REFUSED, None, REFUSED, None, None) == []


def test_an_outage_is_said_with_its_reason() -> None:
    assert complaints(REFUSED, DOWN, None, None, None, None) == ["connection refused"]


def test_the_reason_may_come_behind() -> None:
    assert complaints(DOWN, None, PASSWORD, None, None, None) == ["wrong password"]


def test_without_a_reason_it_is_said_all_the_same() -> None:
    assert complaints(DOWN, None, None, None, None, None) == ["all brokers are down"]


def test_each_outage_is_said_once() -> None:
    assert len(complaints(REFUSED, DOWN, None, None, REFUSED, None, DOWN, None, None)) == 2
