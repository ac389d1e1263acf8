from pathlib import Path

import pytest

from adapters.kafka.outputs.batch_publisher import Record
from adapters.kafka.outputs.dead_letters import DeadLetters
from ports.central_registry import OutputEvent


@pytest.fixture
def letters(tmp_path: Path) -> DeadLetters:
    return DeadLetters("dead", str(tmp_path))


def of(letters: DeadLetters, body: bytes, position: str = "t[0]@7", key: bytes | None = None) -> Record:
    return letters.record(OutputEvent(body=body, position=position), key=key, reason="ü" * 5000)


def files(tmp_path: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in (tmp_path / ".prompt-dead-letters").iterdir())


def test_what_a_broker_takes_is_left_as_it_is(letters: DeadLetters) -> None:
    assert not letters.is_too_long(of(letters, b"x" * 899_000, key=b"k"))
    assert letters.is_too_long(of(letters, b"x" * 899_000, key=b"k" * 2000))


def test_the_body_goes_first_then_most_of_the_reason(letters: DeadLetters, tmp_path: Path) -> None:
    filed = letters.shortened(of(letters, b"body", key=b"key"))
    assert filed is not None
    assert (filed.body, filed.key) == (b"", b"key")
    assert files(tmp_path) == [b"body"]
    short = letters.shortened(filed)
    assert short is not None
    assert dict(short.headers)["reason"] == ("ü" * 200).encode()
    assert dict(short.headers)["file"] == dict(filed.headers)["file"]
    assert letters.shortened(short) is None


def test_an_attempt_that_is_repeated_leaves_one_file(letters: DeadLetters, tmp_path: Path) -> None:
    record = of(letters, b"body", key=b"k" * 2000)
    assert letters.shortened(record) == letters.shortened(record)
    assert files(tmp_path) == [b"body", b"k" * 2000]


def test_a_place_that_is_counted_anew_replaces_nothing(letters: DeadLetters, tmp_path: Path) -> None:
    for body in (b"of the old topic", b"of the new topic"):
        letters.shortened(of(letters, body))
    assert files(tmp_path) == [b"of the new topic", b"of the old topic"]


@pytest.mark.parametrize(
    "position", ["outbox ../../x.json", "outbox \udcff.json", f"outbox {'x' * 250}.json"]
)
def test_no_position_leads_elsewhere(letters: DeadLetters, tmp_path: Path, position: str) -> None:
    letters.shortened(of(letters, b"body", position))
    assert files(tmp_path) == [b"body"]
