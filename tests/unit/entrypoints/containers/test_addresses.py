"""From settings to addresses: what production sets must arrive."""

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.containers.parts.addresses import kafka_connection, process_name, redis_url
from entrypoints.settings.common import RedisSettings
from entrypoints.settings.environment import SettingsError, read_settings
from entrypoints.settings.kafka import KafkaSettings


def test_kafka_takes_what_is_set() -> None:
    environment = {
        "KAFKA_CLUSTER": "broker:9093",
        "SECURITY_PROTOCOL": "SASL_SSL",
        "SASL_MECHANISM": "SCRAM-SHA-256",
        "SASL_USERNAME": "me",
        "SASL_PASSWORD": "secret",
        "KAFKA_CA_FILE": "/ca.pem",
        "KAFKA_FETCH_WAIT": "0.2",
        "KAFKA_SESSION_TIMEOUT": "7",
        "KAFKA_GROUP_PROTOCOL": "Consumer",
    }
    connection = kafka_connection(read_settings(KafkaSettings, environment))
    assert (connection.bootstrap_servers, connection.protocol) == ("broker:9093", "SASL_SSL")
    assert (connection.sasl_mechanism, connection.username) == ("SCRAM-SHA-256", "me")
    assert (connection.password, connection.ca_file) == ("secret", "/ca.pem")
    assert (connection.fetch_wait, connection.session_timeout) == (0.2, 7.0)
    assert connection.group_protocol == "consumer"


def test_an_unknown_group_protocol_is_refused() -> None:
    with pytest.raises(SettingsError, match="KAFKA_GROUP_PROTOCOL"):
        read_settings(KafkaSettings, {"KAFKA_CLUSTER": "a:1", "KAFKA_GROUP_PROTOCOL": "share"})


@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zs"]), min_size=1))
def test_any_password_of_redis_survives_its_address(password: str) -> None:
    given_password = password.strip()
    environment = {"REDIS_PASSWORD": password, "REDIS_TLS": "1", "REDIS_CA_FILE": "/a folder/ca.pem"}
    settings = read_settings(RedisSettings, environment)
    parts = urlsplit(redis_url("redis", settings))
    assert (parts.scheme, parts.hostname, parts.port) == ("rediss", "redis", 6379)
    assert unquote(parts.password or "") == given_password
    assert unquote(parts.query) == "ssl_ca_certs=/a folder/ca.pem"
    assert repr(settings).count("password") == 0


def test_processes_of_one_host_and_number_have_names_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getpid", lambda: 1)
    assert process_name() != process_name()
