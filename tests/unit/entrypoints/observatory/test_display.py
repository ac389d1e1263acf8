"""What is shown after the last visit-detector has ended."""

import io

from rich.console import Console

from entrypoints.observatory.display import make_display
from entrypoints.observatory.progress import Progress


def _progress() -> Progress:
    progress = Progress([("g1", 1), ("g1", 2), ("g1", 3)])
    for detector, fared in ((1, "in time"), (2, "late"), (3, "")):
        told = {"group": "g1", "detector": detector, "outcome": "completed", "promptness": fared}
        progress.heard("worker 1", told, 5.0)
    return progress


def test_the_screen_of_a_night_shows_how_far_its_last_steps_are() -> None:
    shown = io.StringIO()
    console = Console(file=shown, force_terminal=True, width=80, height=24)
    with make_display(console, 0.0) as display:
        display.follow(_progress())
        display.working("2 of 3 visit-detectors are in the central repository")
    assert "2 of 3 visit-detectors are in the central repository" in shown.getvalue()


def test_it_is_counted_how_prompt_the_visit_detectors_were() -> None:
    assert _progress().fared == {"in time": 1, "late": 1, "at a time not known": 1}
