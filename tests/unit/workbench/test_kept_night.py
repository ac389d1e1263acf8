"""What is kept of a night that failed, and what is removed of one that was stopped."""

from pathlib import Path

from workbench.night.kept_night import keep_failure, remove


def test_logs_are_kept_beside_those_of_an_earlier_failure(tmp_path: Path) -> None:
    night, results = tmp_path / "night", tmp_path / "results"
    night.mkdir()
    assert keep_failure(night, results, ValueError("no worker")) is None
    (night / "worker-1.log").write_text("{}")
    first, second = (keep_failure(night, results, ValueError("no worker")) for _ in range(2))
    assert (first, second) == (tmp_path / "results-failed", tmp_path / "results-failed-2")
    assert first is not None
    assert (first / "worker-1.log").read_text() == "{}"
    assert (first / "reason.txt").read_text().startswith("no worker\n")
    assert not results.exists()


def test_a_folder_is_gone_at_once_with_all_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "c").write_text("half")
    remove(folder)
    remove(tmp_path / "never there")
    assert list(tmp_path.iterdir()) == []
