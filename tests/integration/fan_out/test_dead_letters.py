"""What the fan-out dead-lettered is replayed by a person, with the fan-out's own settings."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from entrypoints.cli import main
from tests.integration.fan_out.box import DETECTORS, Box

pytestmark = pytest.mark.slow


def test_an_announcement_is_replayed_once_and_nonsense_stays(
    redis_url: str, tmp_path: Path, unique: str
) -> None:
    with Box(redis_url, tmp_path, unique) as box:
        box.bury(box.visit("new"))
        box.bury(box.visit("old", ago=7200.0))
        box.bury(b"nonsense")

        def run(*arguments: str) -> tuple[int, list[dict[str, object]]]:
            words = ["dead-letters", *arguments, "--of", "fan-out", "--json"]
            done = CliRunner().invoke(main, words, env=dict(box.environment))
            return done.exit_code, json.loads(done.stdout)

        code, letters = run("list")
        assert (code, len(letters)) == (0, 3)
        code, done = run("replay", "--all")
        assert (code, [one["done"] for one in done]) == (1, [True, True, False])
        assert "schema" in str(done[2]["said"]) or "byte" in str(done[2]["said"])
        assert sorted(box.copies()) == sorted((group, one) for group in ("new", "old") for one in DETECTORS)
        assert len(box.dead()) == 1
        code, done = run("discard", "--all", "--why", "nonsense")
        assert (code, box.dead()) == (0, [])
