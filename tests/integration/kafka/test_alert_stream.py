"""Alerts and a broker that goes away: for a while, for good, and in the midst of them."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from click.testing import CliRunner, Result
from confluent_kafka import KafkaError, Message

from entrypoints.cli import main
from prompt_pipelines import alert_stream
from prompt_pipelines.alert_delivery import Delivery
from prompt_pipelines.alert_files import AlertFile
from prompt_pipelines.alert_stream import AlertStream, forget_producers
from prompt_pipelines.errors import AlertError
from tests.integration.kafka.apache_kafka import ApacheKafka
from tests.integration.kafka.broker import Broker
from tests.integration.kafka.mock_cluster import MockCluster

pytestmark = pytest.mark.slow

ALERTS = [f"alert {number}".encode() for number in range(20)]


WAIT, PATIENCE = 0.6, 0.1
"""Seconds that a broker is given without being told, and before alerts are laid down; 30 and 5 by default."""


@pytest.fixture(autouse=True)
def no_producers_kept() -> Iterator[None]:
    yield
    forget_producers()


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    return tmp_path / "attempt"


def stream_to(address: str, topic: str, outbox: Path, seconds: float) -> AlertStream:
    return AlertStream(
        address,
        topic,
        until=time.monotonic() + seconds,
        outbox=outbox.as_uri(),
        wait=WAIT,
        patience=PATIENCE,
    )


def left_in(outbox: Path) -> list[bytes]:
    return [alert for path in outbox.glob("*") for alert in AlertFile(path.as_uri()).read()]


def received(broker: Broker, topic: str) -> list[bytes]:
    return sorted(message.value() or b"" for message in broker.messages(topic))


def alerts_command(stream: AlertStream, *arguments: str) -> Result:
    environment = {"AP_KAFKA_SERVER": stream.server, "AP_KAFKA_TOPIC": stream.topic}
    return CliRunner(env=environment).invoke(main, ["alerts", *arguments])


def test_a_broker_that_comes_back_in_time_gets_them_all(mock: MockCluster, outbox: Path) -> None:
    mock.create("alerts")
    mock.set_down(down=True)
    stream = stream_to(mock.address, "alerts", outbox, 60)
    kept = []

    def come_back() -> None:
        time.sleep(3 * WAIT)
        kept.extend(left_in(outbox))
        mock.set_down(down=False)

    back = threading.Thread(target=come_back)
    back.start()
    assert stream.send(ALERTS) == len(ALERTS)
    back.join()
    assert received(mock, "alerts") == sorted(ALERTS)
    assert kept == ALERTS  # should the process have died meanwhile
    assert not outbox.exists()


def test_a_broker_that_is_killed_and_started_again_gets_them_all(mortal: ApacheKafka, outbox: Path) -> None:
    mortal.create("alerts")
    stream = stream_to(mortal.address("PLAIN"), "alerts", outbox, 120)
    assert stream.send(ALERTS[:1]) == 1
    mortal.kill()
    start = threading.Timer(3 * WAIT, mortal.start)
    start.start()
    assert stream.send(ALERTS[1:]) == len(ALERTS) - 1
    start.join()
    assert received(mortal, "alerts") == sorted(ALERTS)
    assert not outbox.exists()


def test_what_a_broker_that_never_comes_back_has_not_got_is_laid_down_and_sent_by_hand(
    broker: Broker, unique: str, outbox: Path
) -> None:
    topic = f"alerts-{unique}"
    broker.create(topic)
    nowhere = stream_to("127.0.0.1:1", topic, outbox, 3 * WAIT)
    assert nowhere.send(ALERTS) == 0
    assert left_in(outbox) == ALERTS
    assert not received(broker, topic)
    away = alerts_command(nowhere, "send", "--wait", "0.1", str(outbox))
    assert (away.exit_code, away.stdout.split(":")[0]) == (1, f"0 of {len(ALERTS)} sent")
    assert left_in(outbox) == ALERTS
    there = evolve(nowhere, server=broker.connection.bootstrap_servers)
    sent = alerts_command(there, "send", str(outbox))
    assert (sent.exit_code, sent.stdout.split(":")[0]) == (0, f"{len(ALERTS)} of {len(ALERTS)} sent")
    assert received(broker, topic) == sorted(ALERTS)
    assert not outbox.exists()
    assert alerts_command(there, "send", str(outbox.parent)).output == "there are no alerts\n"


def test_a_broker_that_was_waited_for_in_vain_holds_up_the_next_visits_no_longer(
    mock: MockCluster, outbox: Path
) -> None:
    mock.create("alerts")
    mock.set_down(down=True)
    assert stream_to(mock.address, "alerts", outbox, 1.0).send(ALERTS[:1]) == 0
    began = time.monotonic()
    assert stream_to(mock.address, "alerts", outbox, 60.0).send(ALERTS[1:2]) == 0
    assert time.monotonic() - began < 20
    assert sorted(left_in(outbox)) == ALERTS[:2]
    mock.set_down(down=False)
    assert stream_to(mock.address, "alerts", outbox, 60.0).send(ALERTS[2:3]) == 1
    assert received(mock, "alerts") == ALERTS[2:3]
    assert sorted(left_in(outbox)) == ALERTS[:2]


def test_of_a_broker_that_goes_away_in_the_midst_only_the_rest_is_laid_down(
    mock: MockCluster, outbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fragile(Delivery):
        def _note(self, number: int, error: KafkaError | None, message: Message) -> None:
            super()._note(number, error, message)
            mock.set_down(down=True)

    monkeypatch.setattr(alert_stream, "Delivery", Fragile)
    mock.create("alerts", partitions=1)
    mock.answer_after(0.1)
    # Each is a request of its own, and five are under way at a time.
    large = [bytes([number]) * 600_000 for number in range(20)]
    sent = stream_to(mock.address, "alerts", outbox, 2).send(large)
    mock.answer_after(0.0)
    mock.set_down(down=False)
    assert 0 < sent < len(large)
    assert left_in(outbox) == large[sent:]
    assert received(mock, "alerts")[:sent] == large[:sent]


def test_one_that_the_broker_refuses_does_not_hold_up_the_others(mock: MockCluster, outbox: Path) -> None:
    mock.create("alerts")
    too_large = bytes(9_000_000)
    stream = stream_to(mock.address, "alerts", outbox, 60)
    began = time.monotonic()
    assert stream.send([ALERTS[0], too_large, ALERTS[1]]) == 2
    assert time.monotonic() - began < 30
    assert left_in(outbox) == [too_large]


def test_where_nothing_can_be_laid_down_it_is_said(tmp_path: Path) -> None:
    stream = stream_to("127.0.0.1:1", "alerts", tmp_path / "unmounted" / "attempt", 0.3)
    not_taken = r"20 of 20 alerts were not taken by 127\.0\.0\.1:1 in \d s: .*refused"
    with pytest.raises(AlertError, match=f"{not_taken}.*; they are lost: cannot write .*unmounted"):
        stream.send(ALERTS)
    with pytest.raises(AlertError, match=not_taken):
        evolve(stream, until=None, outbox=None).send(ALERTS)


def test_what_is_no_file_of_alerts_is_named(mock: MockCluster, tmp_path: Path) -> None:
    (tmp_path / "foreign.avro").write_bytes(b"Obj?")
    stream = stream_to(mock.address, "alerts", tmp_path, 1)
    result = alerts_command(stream, "send", str(tmp_path))
    assert result.exit_code == 1
    assert result.stderr.startswith(f"cannot read {tmp_path.as_uri()}/foreign.avro")
    assert (tmp_path / "foreign.avro").exists()


def test_it_must_be_said_where_alerts_go(tmp_path: Path) -> None:
    for environment in ({}, {"AP_KAFKA_SERVER": "k:1"}):
        result = CliRunner(env=environment).invoke(main, ["alerts", "send", str(tmp_path)])
        assert result.exit_code == 2
        assert "AP_KAFKA_SERVER" in result.stderr
