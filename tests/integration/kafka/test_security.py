"""Passwords and TLS, as the settings give them."""

from pathlib import Path

import pytest
from attrs import evolve

from adapters.host.clock import SystemIdentifiers
from adapters.kafka.announcements.schema_registry import SchemaRegistry, SchemaRegistryUnavailableError
from adapters.kafka.connection import KafkaConnection, TlsVerify
from adapters.kafka.outputs.output_notifier import KafkaOutputNotifier
from ports.central_registry import OutputEventsUnavailableError
from tests.contract_suites.output_events import ONE, read
from tests.integration.kafka.apache_kafka import ApacheKafka
from tests.integration.kafka.certificates import make_certificates
from tests.integration.kafka.registry import Registry
from tests.integration.kafka.writers import KafkaTopic

pytestmark = pytest.mark.slow


async def send(connection: KafkaConnection, topic: str, root: Path) -> bool:
    """Send one message, and tell whether a broker took it."""
    notifier = KafkaOutputNotifier(
        connection=connection,
        topic=topic,
        outbox_root=root.as_uri(),
        identifiers=SystemIdentifiers(),
        delivery_timeout=4.0,
    )
    await notifier.open()
    await notifier.send(b"a")
    await notifier.close()
    return not list(root.glob(".prompt-outbox/*"))


@pytest.mark.parametrize("listener", ["SCRAM", "TLS"])
async def test_who_has_the_password_reads_and_writes(
    apache: ApacheKafka, unique: str, tmp_path: Path, listener: str
) -> None:
    connection = apache.with_password(listener)
    topic = KafkaTopic(apache, unique, tmp_path)
    assert await send(connection, topic.topics.input, tmp_path)
    events = topic.make(connection=connection)
    await events.open()
    assert await read(events, 1) == [b"a"]
    await events.finish([ONE])
    await events.close()
    assert await topic.announced() == [(ONE,)]


async def test_a_wrong_password_is_said(apache: ApacheKafka, unique: str, tmp_path: Path) -> None:
    connection = apache.with_password("SCRAM", password="guessed")  # noqa: S106 - it is wrong
    topic = KafkaTopic(apache, unique, tmp_path)
    assert not await send(connection, topic.topics.input, tmp_path)
    events = topic.make(connection=connection)
    await events.open()
    with pytest.raises(OutputEventsUnavailableError, match=r"[Aa]uthentication"):
        await events.batch()
    await events.close()


async def test_a_broker_that_the_ca_does_not_know_is_not_trusted(
    apache: ApacheKafka, unique: str, tmp_path: Path
) -> None:
    connection = evolve(apache.with_password("TLS"), ca_file=str(make_certificates(tmp_path).ca))
    topic = KafkaTopic(apache, unique, tmp_path)
    assert not await send(connection, topic.topics.input, tmp_path)
    events = topic.make(connection=connection)
    await events.open()
    with pytest.raises(OutputEventsUnavailableError, match="certificate"):
        await events.batch()
    await events.close()


@pytest.mark.parametrize(
    ("verify", "spoilt", "is_trusted"),
    [
        (TlsVerify.FULL, "name", False),
        (TlsVerify.CA, "name", True),
        (TlsVerify.CA, "authority", False),
        (TlsVerify.NONE, "authority", True),
    ],
)
async def test_a_broker_is_trusted_as_far_as_is_asked(
    apache: ApacheKafka, tmp_path: Path, verify: TlsVerify, *, spoilt: str, is_trusted: bool
) -> None:
    connection = evolve(apache.with_password("TLS"), tls_verify=verify)
    if spoilt == "name":
        # An address of localhost that its certificate does not name.
        connection = evolve(connection, bootstrap_servers=apache.address("TLS").replace("localhost", "127.1"))
    else:
        connection = evolve(connection, ca_file=str(make_certificates(tmp_path).ca))
    topic = KafkaTopic(apache, f"{verify.name}-{spoilt}", tmp_path)
    assert await send(connection, topic.topics.input, tmp_path) == is_trusted


def test_the_schema_registry_is_trusted_by_its_authority_alone(tmp_path: Path) -> None:
    certificates = make_certificates(tmp_path)
    (tmp_path / "others").mkdir()
    other = make_certificates(tmp_path / "others")
    registry = Registry({1: {"type": "string"}}, certificates.key_and_chain)
    try:
        for ca_file in (str(other.ca), "", str(tmp_path / "nowhere.pem")):
            with pytest.raises(SchemaRegistryUnavailableError, match=r"certificate|TLS CA"):
                SchemaRegistry(registry.url, cache=None, ca_file=ca_file).schema(1)
        schemas = SchemaRegistry(registry.url, cache=None, ca_file=str(certificates.ca))
        assert schemas.schema(1) == '{"type": "string"}'
    finally:
        registry.shut()


def test_a_password_is_not_in_what_is_logged() -> None:
    connection = KafkaConnection(bootstrap_servers="a:1", username="me", password="secret")  # noqa: S106 - none
    assert "secret" not in repr(connection)
    assert connection.protocol == "SASL_PLAINTEXT"
    assert evolve(connection, ca_file="ca.pem").protocol == "SASL_SSL"
    assert evolve(connection, username="", ca_file="ca.pem").protocol == "SSL"
    assert evolve(connection, security_protocol="sasl_ssl").protocol == "SASL_SSL"
