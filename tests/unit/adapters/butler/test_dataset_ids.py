"""Ids of datasets."""

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from adapters.butler.repository.dataset_ids import DatasetIds
from domain.times import TaiSeconds
from domain.visit import Visit
from tests.strategies.visits import visits

names = st.text(min_size=1)
values = st.lists(st.text() | st.integers(), max_size=3)


@given(visit=visits(), name=names, run=names, key=values)
def test_an_id_is_a_legal_one_of_version_7(visit: Visit, name: str, run: str, key: list[str | int]) -> None:
    made = DatasetIds(visit).make(name, run, key)
    assert (made.version, made.variant) == (7, "specified in RFC 4122")


@given(visit=visits(), name=names, run=names, key=values)
def test_the_same_dataset_has_the_same_id_in_every_process(
    visit: Visit, name: str, run: str, key: list[str | int]
) -> None:
    assert DatasetIds(visit).make(name, run, key) == DatasetIds(evolve(visit)).make(name, run, key)


@given(visit=visits(), first=st.tuples(names, names, values), second=st.tuples(names, names, values))
def test_different_datasets_have_different_ids(
    visit: Visit, first: tuple[str, str, list[str | int]], second: tuple[str, str, list[str | int]]
) -> None:
    same = [*first[:2], *map(str, first[2])] == [*second[:2], *map(str, second[2])]
    ids = DatasetIds(visit)
    assert (ids.make(*first) == ids.make(*second)) == same


@given(visit=visits(), later=st.floats(0.001, 1e6))
def test_ids_of_later_visits_are_greater(visit: Visit, later: float) -> None:
    after = evolve(visit, sent=TaiSeconds(visit.sent + later))
    if int(after.sent * 1000) > int(visit.sent * 1000):
        assert DatasetIds(visit).make("a", "b", []) < DatasetIds(after).make("a", "b", [])
