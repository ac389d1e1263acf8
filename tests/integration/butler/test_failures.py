"""Whatever goes wrong has a name, an outcome, and leaves the local repository clean."""

import errno
import json
import re
import resource
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from lsst.daf.butler import Butler, DatasetRef, DatasetType, DimensionUniverse
from lsst.daf.butler.datastores.fileDatastore import FileDatastore

from adapters.butler.shared.names import STAGE_TIMES
from adapters.butler.workspace import exporting
from adapters.butler.workspace.workspace import ButlerWorkspace
from adapters.butler.writer.central_registry import ButlerCentralRegistry
from domain.work.outcomes import Export
from ports.central_registry import OutputEvent
from ports.ledger import LedgerUnavailableError
from ports.workspace import (
    DiskFullError,
    NothingRunnableError,
    RawUnreadableError,
    WorkspaceError,
)
from tests.integration.butler import night as n
from tests.integration.butler.dying import start
from tests.integration.butler.night import Bench, FileClaims, MakeWorkspace, Night
from tests.integration.butler.tasks import NO_DATABASE

pytestmark = pytest.mark.slow


def exported(message: bytes | None) -> Counter[str]:
    """Count the datasets of a message by their type."""
    assert message is not None
    datasets = json.loads(message)["datasets"]
    return Counter(ref["dataset_type_name"] for each in datasets for ref in each["refs"].values())


def run(workspace: ButlerWorkspace, night: Night, *main: str) -> str:
    workspace.prepare(night.assignment(main=main, preprocessing=[n.PRELOAD]))
    return workspace.process([workspace.ingest(raw).exposure for raw in night.raws]).failure


def left_behind(bench: Bench) -> list[str]:
    return [path.name for path in bench.settings.folder.glob("SimCam-*")]


COUNTED = {"count": 2, "count_log": 2, "count_metadata": 2}
PRELOADED = {
    "preloaded": 1,
    "preload_log": 1,
    "preload_metadata": 1,
    "regionTimeInfo": 1,
    "prompt_provenance": 2,
    "prompt_stage_times": 1,
}


class TestRunsThatFail:
    def test_before_the_change_all_there_is_may_go(self, make_workspace: MakeWorkspace, night: Night) -> None:
        workspace = make_workspace()
        assert "went astray" in run(workspace, night, n.COUNT_RAISE)
        assert exported(workspace.export(Export.EVERYTHING)) == {**PRELOADED, "count_log": 2}

    def test_a_refusal_is_the_end_unless_it_is_said_otherwise(
        self, make_workspace: MakeWorkspace, night: Night
    ) -> None:
        assert "count" in run(make_workspace(), night, n.COUNT_RAISE, n.PLAIN)

    def test_images_that_one_pipeline_refuses_are_done_by_the_next(
        self, make_workspace: MakeWorkspace, night: Night
    ) -> None:
        workspace = make_workspace(next_on_refusal=True)
        assert run(workspace, night, n.COUNT_RAISE, n.PLAIN) == ""
        # As if the others had not been there.
        assert exported(workspace.export(Export.EVERYTHING)) == {**PRELOADED, **COUNTED}

    def test_after_the_change_its_products_stay(self, make_workspace: MakeWorkspace, night: Night) -> None:
        workspace = make_workspace()
        assert "went astray after the change" in run(workspace, night, n.CHANGE_RAISE)
        kept = {**PRELOADED, **COUNTED, "change_log": 2}
        assert exported(workspace.export(Export.BEFORE_CHANGE)) == kept
        assert exported(workspace.export(Export.EVERYTHING)) == {**kept, "changed": 2}

    def test_partial_products_are_a_failure(self, make_workspace: MakeWorkspace, night: Night) -> None:
        workspace = make_workspace()
        assert "only half of it worked" in run(workspace, night, n.CHANGE_PARTIAL)
        assert exported(workspace.export(Export.EVERYTHING))["changed"] == 2

    def test_nothing_to_do_is_no_failure(self, make_workspace: MakeWorkspace, night: Night) -> None:
        workspace = make_workspace()
        assert run(workspace, night, n.COUNT_NO_WORK) == ""
        assert exported(workspace.export(Export.EVERYTHING)) == {
            **PRELOADED,
            "count_log": 2,
            "count_metadata": 2,
            "change_log": 2,
            "change_metadata": 2,
            "after_log": 2,
            "after_metadata": 2,
        }

    def test_a_task_that_cannot_be_made_is_named(
        self, make_workspace: MakeWorkspace, night: Night, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv(NO_DATABASE, "1")
        workspace = make_workspace()
        assert "there is no database" in run(workspace, night, n.CHANGE)
        assert exported(workspace.export(Export.BEFORE_CHANGE)) == {**PRELOADED, **COUNTED, "change_log": 2}

    def test_one_snap_of_two_that_fails_does_not_stop_the_other(
        self, make_workspace: MakeWorkspace, night: Night, tmp_path: Path
    ) -> None:
        bad = n.write_raw(tmp_path / "bucket", 1, EXPTIME=0.0)
        workspace = make_workspace()
        failure = run(workspace, evolve(night, raws=(night.raws[0], bad)), n.COUNT_DARK)
        assert failure.count("no light") == 1
        assert exported(workspace.export(Export.EVERYTHING))["count"] == 1

    def test_preprocessing_alone_is_exported(self, make_workspace: MakeWorkspace, night: Night) -> None:
        workspace = make_workspace()
        workspace.prepare(night.assignment(main=[n.PLAIN], preprocessing=[n.PRELOAD]))
        assert exported(workspace.export(Export.EVERYTHING)) == {**PRELOADED, "prompt_provenance": 1}


@n.both_ways
class TestStageTimes:
    def test_that_cannot_be_stored_keep_nothing_else_back(
        self,
        make_workspace: MakeWorkspace,
        night: Night,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        def unsuitable(universe: DimensionUniverse) -> DatasetType:
            return DatasetType(STAGE_TIMES, ("instrument", "group"), "ArrowAstropy", universe=universe)

        monkeypatch.setattr(exporting, "stage_times_type", unsuitable)
        workspace = make_workspace()
        assert run(workspace, night, n.PLAIN) == ""
        expected = {**PRELOADED, **COUNTED}
        del expected["prompt_stage_times"]
        for _ in range(2):
            assert exported(workspace.export(Export.EVERYTHING)) == expected
        assert caplog.text.count("the stage times cannot be stored: ") == 1


class TestExportRules:
    def test_only_whole_names_match(self, make_workspace: MakeWorkspace, night: Night) -> None:
        workspace = make_workspace(export_types=(re.compile("count"), re.compile("prompt_.*")))
        run(workspace, night, n.PLAIN)
        assert exported(workspace.export(Export.EVERYTHING)) == {
            "count": 2,
            "prompt_provenance": 2,
            "prompt_stage_times": 1,
        }

    def test_nothing_matches(self, make_workspace: MakeWorkspace, bench: Bench, night: Night) -> None:
        workspace = make_workspace(export_types=(re.compile("nothing"),))
        run(workspace, night, n.PLAIN)
        assert workspace.export(Export.EVERYTHING) is None
        assert not bench.claims.held

    def test_trials_keep_all_outputs(self, make_workspace: MakeWorkspace, night: Night) -> None:
        workspace = make_workspace(export_outputs=False)
        run(workspace, night, n.PLAIN)
        assert workspace.export(Export.EVERYTHING) is None

    def test_without_a_writer_the_registry_is_told_at_once(
        self, make_workspace: MakeWorkspace, night: Night, central: Path
    ) -> None:
        workspace = make_workspace(use_writer=False)
        run(workspace, night, n.PLAIN)
        assert workspace.export(Export.EVERYTHING) is None
        with Butler.from_config(str(central), collections=f"SimCam/prompt/output-{n.DAY}") as butler:
            assert len(butler.query_datasets("count")) == 2

    def test_exporting_twice_is_harmless(self, make_workspace: MakeWorkspace, night: Night) -> None:
        workspace = make_workspace()
        run(workspace, night, n.PLAIN)
        assert workspace.export(Export.EVERYTHING) == workspace.export(Export.EVERYTHING)


def _files(central: Path) -> list[Path]:
    """List what is there but for the outbox, which tasks fill before the claim."""
    return sorted(each for each in central.rglob("*") if ".alert-outbox" not in each.parts)


class TestClaims:
    def test_without_claims_nothing_is_changed(
        self, make_workspace: MakeWorkspace, bench: Bench, night: Night, central: Path
    ) -> None:
        bench.claims.outage = "no Redis"
        workspace = make_workspace()
        before = _files(central)
        with pytest.raises(LedgerUnavailableError, match="no Redis"):
            run(workspace, night, n.CHANGE)
        with pytest.raises(LedgerUnavailableError, match="no Redis"):
            workspace.export(Export.EVERYTHING)
        assert _files(central) == before

    def test_preprocessing_that_would_change_something_is_left_out(
        self, make_workspace: MakeWorkspace, bench: Bench, night: Night
    ) -> None:
        workspace = make_workspace()
        assignment = night.assignment(main=[n.PLAIN], preprocessing=[n.CHANGE, n.PRELOAD])
        (warning,) = workspace.prepare(assignment).warnings
        assert warning == "preprocessing pipeline Change makes permanent changes: change"
        assert workspace.process([workspace.ingest(raw).exposure for raw in night.raws]).failure == ""
        assert not bench.claims.held
        assert exported(workspace.export(Export.EVERYTHING))["preloaded"] == 1


class TestBadRaws:
    @pytest.mark.parametrize(
        ("cards", "reason"),
        [
            ({"INSTRUME": "OtherCam"}, "OtherCam"),
            ({"GROUPID": "another"}, "another"),
            ({"CURINDEX": 2}, "snap"),
            ({"SEQNUM": 7}, "SEQNUM|seqnum"),
            ({"CCDSLOT": "S22"}, "R22_S22|detector"),
            ({"FILTER": "z_sim"}, "z_sim"),
            ({"DATE_BEG": "yesterday"}, "DATE-BEG"),
            ({"DEC": 100.0}, "DEC"),
        ],
    )
    def test_a_header_that_contradicts_is_named(
        self, make_workspace: MakeWorkspace, night: Night, tmp_path: Path, cards: dict[str, Any], reason: str
    ) -> None:
        raw = n.write_raw(tmp_path / "bucket", **cards)
        workspace = make_workspace()
        workspace.prepare(night.assignment(main=[n.PLAIN]))
        with pytest.raises(RawUnreadableError, match=reason):
            workspace.ingest(raw)
        assert workspace.process([workspace.ingest(night.raws[0]).exposure]).failure == ""

    def test_a_raw_that_is_gone_is_another_matter(self, make_workspace: MakeWorkspace, night: Night) -> None:
        workspace = make_workspace()
        workspace.prepare(night.assignment(main=[n.PLAIN]))
        with pytest.raises(WorkspaceError, match="gone"):
            workspace.ingest(evolve(night.raws[0], uri="file:///gone/raw.fits"))

    def test_an_exposure_that_was_not_ingested_cannot_be_processed(
        self, make_workspace: MakeWorkspace, night: Night
    ) -> None:
        workspace = make_workspace()
        workspace.prepare(night.assignment(main=[n.PLAIN]))
        workspace.ingest(night.raws[0])
        with pytest.raises(NothingRunnableError):
            workspace.process([night.raws[1].exposure])


@n.both_ways
class TestTheSharedRepository:
    def test_gone_before_the_visit(
        self, make_workspace: MakeWorkspace, bench: Bench, night: Night, central: Path
    ) -> None:
        central.rename(central.with_name("away"))
        workspace = make_workspace()
        with pytest.raises(WorkspaceError):
            workspace.prepare(night.assignment(main=[n.PLAIN]))
        central.with_name("away").rename(central)
        assert run(workspace, night, n.PLAIN) == ""
        workspace.clean()
        assert not left_behind(bench)

    def test_gone_before_the_export(
        self, make_workspace: MakeWorkspace, bench: Bench, night: Night, central: Path
    ) -> None:
        workspace = make_workspace()
        assert run(workspace, night, n.PLAIN) == ""
        central.rename(central.with_name("away"))
        with pytest.raises(WorkspaceError, match=f"central datastore's root.*{central}"):
            workspace.export(Export.EVERYTHING)
        assert not central.exists()
        workspace.clean()
        assert not left_behind(bench)

    def test_unmounted_before_the_export(
        self, make_workspace: MakeWorkspace, night: Night, central: Path
    ) -> None:
        workspace = make_workspace()
        assert run(workspace, night, n.PLAIN) == ""
        central.rename(central.with_name("away"))
        central.mkdir()
        with pytest.raises(WorkspaceError, match=f"as if unmounted: {central}"):
            workspace.export(Export.EVERYTHING)
        assert not list(central.iterdir())
        central.rmdir()
        central.with_name("away").rename(central)
        assert exported(workspace.export(Export.EVERYTHING))["count"] == 2

    def test_another_definition_of_a_dataset_type(
        self, make_workspace: MakeWorkspace, bench: Bench, night: Night, central: Path
    ) -> None:
        with Butler.from_config(str(central), writeable=True) as butler:
            butler.registry.removeDatasetType("preloaded")
            other = DatasetType("preloaded", ("detector",), "ArrowAstropy", universe=butler.dimensions)
            butler.registry.registerDatasetType(other)
        workspace = make_workspace()
        with pytest.raises(WorkspaceError, match="preloaded"):
            workspace.prepare(night.assignment(main=[n.PLAIN], preprocessing=[n.PRELOAD]))
        assert not left_behind(bench)

    def test_another_definition_of_an_output_where_outputs_go(
        self,
        make_workspace: MakeWorkspace,
        bench: Bench,
        night: Night,
        untouched: tuple[Path, Night],
        central: Path,
    ) -> None:
        with Butler.from_config(str(central), writeable=True) as butler:
            dimensions = butler.get_dataset_type("count").dimensions
            butler.registry.removeDatasetType("count")
            butler.registry.registerDatasetType(DatasetType("count", dimensions, "ArrowAstropy"))
        workspace = make_workspace(read_repo=str(untouched[0]))
        with pytest.raises(WorkspaceError, match="outputs defines dataset types differently: count is"):
            workspace.prepare(night.assignment(main=[n.PLAIN]))
        assert not left_behind(bench)

    def test_an_input_whose_file_is_lost(
        self, make_workspace: MakeWorkspace, bench: Bench, night: Night, central: Path
    ) -> None:
        for file in central.glob("SimCam/calib/run/bias/**/*.*"):
            file.unlink()
        workspace = make_workspace()
        with pytest.raises(WorkspaceError, match="bias"):
            workspace.prepare(night.assignment(main=[n.PLAIN]))
        workspace.clean()
        assert not left_behind(bench)


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file grow beyond a size, which is what a full disk does to it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@n.both_ways
class TestFullDisk:
    def test_while_inputs_are_copied(self, make_workspace: MakeWorkspace, bench: Bench, night: Night) -> None:
        workspace = make_workspace()
        with full_disk(20_000), pytest.raises(WorkspaceError):
            workspace.prepare(night.assignment(main=[n.PLAIN]))
        workspace.clean()
        assert not left_behind(bench)
        assert run(workspace, night, n.PLAIN) == ""

    def test_while_a_raw_is_fetched(self, make_workspace: MakeWorkspace, bench: Bench, night: Night) -> None:
        workspace = make_workspace()
        workspace.prepare(night.assignment(main=[n.PLAIN]))
        with full_disk(100_000), pytest.raises(DiskFullError, match="the local disk"):
            workspace.ingest(night.raws[0])
        assert workspace.process([workspace.ingest(night.raws[0]).exposure]).failure == ""
        workspace.clean()
        assert not left_behind(bench)

    def test_there_is_no_claim_without_room_for_what_follows_it(
        self, make_workspace: MakeWorkspace, bench: Bench, night: Night
    ) -> None:
        workspace = make_workspace()
        workspace.prepare(night.assignment(main=[n.CHANGE]))
        exposures = [workspace.ingest(raw).exposure for raw in night.raws]
        with full_disk(4 << 20), pytest.raises(DiskFullError, match="lacks 8 MiB for what follows the claim"):
            workspace.process(exposures)
        assert isinstance(bench.claims, n.MemoryClaims)
        assert not bench.claims.held
        workspace.clean()
        assert run(workspace, night, n.CHANGE) == ""

    def test_after_the_claim_what_was_made_goes_where_room_was_kept(
        self, make_workspace: MakeWorkspace, bench: Bench, night: Night, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put = FileDatastore.put

        def put_if_there_is_room(store: FileDatastore, thing: object, ref: DatasetRef, **more: Any) -> None:
            # Somebody fills the disk as soon as the claim is made: only what it kept is left.
            if any(bench.settings.folder.glob("SimCam-*/reserve")):
                raise OSError(errno.ENOSPC, "No space left on device")
            put(store, thing, ref, **more)

        monkeypatch.setattr(FileDatastore, "put", put_if_there_is_room)
        workspace = make_workspace()
        assert run(workspace, night, n.CHANGE) == ""
        assert exported(workspace.export(Export.EVERYTHING))["changed"] == 2
        workspace.clean()
        assert not left_behind(bench)

    def test_while_outputs_are_copied(
        self, make_workspace: MakeWorkspace, bench: Bench, night: Night
    ) -> None:
        workspace = make_workspace()
        assert run(workspace, night, n.PLAIN) == ""
        with full_disk(10), pytest.raises(WorkspaceError):
            workspace.export(Export.EVERYTHING)
        assert exported(workspace.export(Export.EVERYTHING))["count"] == 2
        workspace.clean()
        assert not left_behind(bench)


@n.both_ways
class TestDeadProcesses:
    @pytest.fixture
    def bench(self, bench: Bench, tmp_path: Path) -> Bench:
        (tmp_path / "claims").mkdir()
        return evolve(bench, claims=FileClaims(tmp_path / "claims"))

    def die(self, bench: Bench, night: Night, pipeline: str, tmp_path: Path) -> None:
        process = start(bench.settings, night, pipeline, [n.PRELOAD], tmp_path / "claims")
        process.join()
        assert process.exitcode == -signal.SIGKILL

    async def test_another_one_exports_what_was_made_before_the_change(
        self, make_workspace: MakeWorkspace, bench: Bench, night: Night, tmp_path: Path
    ) -> None:
        self.die(bench, night, n.CHANGE_KILL, tmp_path)
        assert isinstance(bench.claims, FileClaims)
        bench.claims.reload()
        assert sorted(bench.claims.held) == [night.raws[0].exposure, night.raws[1].exposure]
        workspace = make_workspace()
        workspace.resume(night.assignment(main=[n.CHANGE_KILL], preprocessing=[n.PRELOAD]))
        message = workspace.export(Export.BEFORE_CHANGE)
        kept = {**PRELOADED, **COUNTED, "prompt_provenance": 1}
        del kept["prompt_stage_times"]  # went with the process
        assert exported(message) == kept
        workspace.clean()
        assert not left_behind(bench)
        assert message is not None
        registry = ButlerCentralRegistry(bench.settings.central_repo)
        assert await registry.apply([OutputEvent(body=message, position="1")])
        await registry.close()

    def test_another_attempt_begins_clean(
        self, make_workspace: MakeWorkspace, bench: Bench, night: Night, tmp_path: Path
    ) -> None:
        self.die(bench, night, n.COUNT_KILL, tmp_path)
        workspace = make_workspace()
        workspace.resume(night.assignment(main=[n.COUNT_KILL]))
        workspace.clean()
        assert not left_behind(bench)
        assert run(workspace, night, n.PLAIN) == ""

    def test_what_nobody_cleaned_goes_before_the_next_visit(
        self, make_workspace: MakeWorkspace, bench: Bench, night: Night, tmp_path: Path
    ) -> None:
        self.die(bench, night, n.COUNT_KILL, tmp_path)
        (old,) = left_behind(bench)
        kept = {path.name for path in bench.settings.folder.iterdir()} - {old}
        workspace = make_workspace()
        other = evolve(night, visit=evolve(night.visit, group="another"))
        workspace.prepare(other.assignment(main=[n.PLAIN]))
        (new,) = left_behind(bench)
        assert new != old
        workspace.clean()
        assert kept <= {path.name for path in bench.settings.folder.iterdir()}

    @pytest.mark.parametrize("left", ["nothing", "folder", "half a repository"])
    def test_where_little_was_left_cleaning_works(
        self, make_workspace: MakeWorkspace, bench: Bench, night: Night, left: str
    ) -> None:
        assignment = night.assignment(main=[n.PLAIN])
        workspace = make_workspace()
        workspace.prepare(assignment)
        (name,) = left_behind(bench)
        workspace.clean()
        folder = bench.settings.folder / name
        if left != "nothing":
            folder.mkdir()
        if left == "half a repository":
            (folder / "repo").mkdir()
            (folder / "repo" / "butler.yaml").write_text("datastore: {cls: ")
        workspace.resume(assignment)
        with pytest.raises(WorkspaceError, match="nothing"):
            workspace.export(Export.EVERYTHING)
        workspace.clean()
        assert not left_behind(bench)
