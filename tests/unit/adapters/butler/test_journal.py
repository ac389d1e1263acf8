"""The journal that another process takes over."""

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.butler.workspace.journal import Journal, read_journal, write_journal

words = st.text(max_size=10)
records = st.dictionaries(words, st.integers() | words, max_size=2)
journals = st.builds(
    Journal,
    runs=st.dictionaries(words, st.none() | words, max_size=3),
    collections=st.lists(words, max_size=3).map(tuple),
    mounted=st.booleans(),
    group=st.lists(records, max_size=1).map(tuple),
    exposures=st.lists(st.integers(), max_size=3).map(tuple),
    claimed=st.booleans(),
    records=st.dictionaries(words, st.lists(records, max_size=2), max_size=2),
)


@given(written=st.lists(journals, min_size=1, max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_last_one_written_is_read(written: list[Journal], tmp_path: Path) -> None:
    for journal in written:
        write_journal(tmp_path, journal)
    assert read_journal(tmp_path) == written[-1]


def test_no_journal_is_an_empty_one(tmp_path: Path) -> None:
    assert read_journal(tmp_path) == Journal()


def test_an_interrupted_write_leaves_the_old_one(tmp_path: Path) -> None:
    journal = Journal(exposures=(1, 2))
    write_journal(tmp_path, journal)
    (tmp_path / "journal.json.new").write_text('{"runs": ')
    assert read_journal(tmp_path) == journal
