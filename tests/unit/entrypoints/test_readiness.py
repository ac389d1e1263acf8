import pytest

from entrypoints.readiness import Readiness


def _fail(readiness: Readiness) -> None:
    with readiness.ready():
        raise RuntimeError("over")


def test_a_process_is_ready_while_it_works() -> None:
    readiness = Readiness()
    assert not readiness()
    with readiness.ready():
        assert readiness()
    assert not readiness()


def test_a_process_that_fails_is_ready_no_more() -> None:
    readiness = Readiness()
    with pytest.raises(RuntimeError, match="over"):
        _fail(readiness)
    assert not readiness()
