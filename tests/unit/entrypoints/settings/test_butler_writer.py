import pytest

from adapters.kafka.connection import client_config
from entrypoints.containers.butler_writer import ButlerWriterContainer
from entrypoints.settings.butler_writer import ButlerWriterSettings
from entrypoints.settings.environment import SettingsError, read_settings

_REQUIRED = {
    "BUTLER_REPOSITORY": "repo",
    "KAFKA_CLUSTER": "broker:9092",
    "KAFKA_TOPIC": "in",
    "KAFKA_OUTPUT_TOPIC": "out",
    "OUTPUT_DATASET_LIST_DIRECTORY": "s3://bucket/lists",
}


def test_what_production_sets_is_enough() -> None:
    settings = read_settings(ButlerWriterSettings, _REQUIRED)
    assert (settings.group_protocol, settings.create_topics, settings.level) == ("classic", False, None)
    assert settings.kafka_debug == ""


def test_settings_reach_kafka() -> None:
    more = {
        "KAFKA_GROUP_PROTOCOL": "consumer",
        "KAFKA_DEBUG": "cgrp",
        "KAFKA_USERNAME": "me",
        "KAFKA_PASSWORD": "p",
    }
    settings = read_settings(ButlerWriterSettings, {**_REQUIRED, **more})
    connection = ButlerWriterContainer(settings=settings).connection()
    config = client_config(connection)
    assert connection.group_protocol == "consumer"
    assert (config["debug"], config["log_level"]) == ("cgrp", 7)
    assert (config["security.protocol"], config["sasl.mechanism"]) == ("SASL_PLAINTEXT", "SCRAM-SHA-512")


def test_all_faults_are_said_together() -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(ButlerWriterSettings, {"KAFKA_GROUP_PROTOCOL": "new", "WRITER_DEBUG_LEVEL": "LOUD"})
    named = {fault.partition(":")[0] for fault in caught.value.faults}
    assert named == {*_REQUIRED, "KAFKA_GROUP_PROTOCOL", "WRITER_DEBUG_LEVEL"}
