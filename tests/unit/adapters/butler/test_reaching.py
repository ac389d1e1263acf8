"""A registry that is away for a moment costs a moment; one that stays away is an error."""

import pytest
import sqlalchemy.exc

from adapters.butler.shared.reaching import retry_once_if_unreachable


class Registry:
    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.asked = 0

    def ask(self) -> str:
        self.asked += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def gone() -> Exception:
    return sqlalchemy.exc.OperationalError("select", {}, Exception("no route to host"))


def test_it_is_asked_again(caplog: pytest.LogCaptureFixture) -> None:
    registry = Registry(gone())
    assert retry_once_if_unreachable(registry.ask, 0.001) == "answer"
    assert "no route to host" in caplog.text


def test_it_is_not_asked_for_ever() -> None:
    registry = Registry(gone(), gone(), gone())
    with pytest.raises(sqlalchemy.exc.OperationalError):
        retry_once_if_unreachable(registry.ask, 0.001)
    assert registry.asked == 2


@pytest.mark.parametrize(("error", "delay"), [(LookupError("no such dataset type"), 0.001), (gone(), 0.0)])
def test_other_errors_are_not_its_business(error: Exception, delay: float) -> None:
    registry = Registry(error)
    with pytest.raises(type(error)):
        retry_once_if_unreachable(registry.ask, delay)
    assert registry.asked == 1
