import pytest
from attrs import evolve
from confluent_kafka import Consumer, Producer

from adapters.kafka.connection import KafkaConnection, TlsVerify, consumer_config, producer_config

PLAIN = KafkaConnection(bootstrap_servers="127.0.0.1:1")
SCRAM = evolve(PLAIN, username="me", password="secret")  # noqa: S106 - nobody's


@pytest.mark.parametrize(
    ("connection", "protocol"),
    [
        (PLAIN, "PLAINTEXT"),
        (SCRAM, "SASL_PLAINTEXT"),
        (evolve(PLAIN, ca_file="ca.pem"), "SSL"),
        (evolve(SCRAM, ca_file="ca.pem"), "SASL_SSL"),
        (evolve(SCRAM, security_protocol="sasl_ssl"), "SASL_SSL"),
    ],
)
def test_the_protocol_follows_from_what_is_given(connection: KafkaConnection, protocol: str) -> None:
    assert connection.protocol == protocol


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(SCRAM)


@pytest.mark.parametrize(
    "connection",
    [
        PLAIN,
        SCRAM,
        evolve(PLAIN, group_protocol="consumer"),
        evolve(PLAIN, debug="all"),
        evolve(PLAIN, tls_verify=TlsVerify.NONE),
    ],
)
def test_librdkafka_takes_every_configuration(connection: KafkaConnection) -> None:
    Consumer(consumer_config(connection, group="g", offset_reset="earliest")).close()
    Producer(producer_config(connection, delivery_timeout=1.0)).close()
