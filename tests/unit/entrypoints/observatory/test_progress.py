"""What a night's workers log adds up to."""

from entrypoints.observatory.progress import Progress


def test_what_is_held_is_told_and_has_not_failed() -> None:
    progress = Progress([("g", 1), ("g", 2)])
    for detector, held in ((1, "bad seeing"), (2, "")):
        record = {"group": "g", "detector": detector, "outcome": "completed", "message": "", "held": held}
        progress.heard("worker 1", record, 1.0)
    assert progress.is_over
    assert progress.failed == []
    assert [row.detector for row in progress.told] == [1]
