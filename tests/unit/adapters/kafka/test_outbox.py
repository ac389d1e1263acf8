from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kafka.outputs.outbox import Outbox, OutboxUnavailableError


def test_an_outbox_that_nobody_used_is_empty(tmp_path: Path) -> None:
    outbox = Outbox(str(tmp_path / "datastore"))
    assert outbox.names() == []
    assert outbox.read("a.json") is None
    outbox.remove("a.json")


@given(content=st.binary(max_size=1000))
def test_what_is_put_in_comes_out_whole(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    root = tmp_path_factory.mktemp("datastore with # and % and spaces")
    outbox = Outbox(root.as_uri())
    outbox.put("b.json", content)
    outbox.put("a.json", b"")
    assert outbox.names() == ["a.json", "b.json"]
    assert outbox.read("b.json") == content
    assert (root / ".prompt-outbox" / "b.json").read_bytes() == content
    outbox.remove("b.json")
    assert outbox.names() == ["a.json"]


def test_only_finished_messages_are_listed(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path.as_uri())
    outbox.put("a.json", b"a")
    folder = tmp_path / ".prompt-outbox"
    for name in (".b.json.part", "c.txt", "d.json.part"):
        (folder / name).write_bytes(b"x")
    (folder / "more").mkdir()
    (folder / "more" / "e.json").write_bytes(b"x")
    assert [name for name in outbox.names() if not name.startswith(".")] == ["a.json"]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / ".prompt-outbox").write_text("in the way")
    with pytest.raises(OutboxUnavailableError, match="cannot write"):
        Outbox(str(tmp_path)).put("a.json", b"a")
