"""What every `ports.workspace.Workspace` keeps to."""

import abc
from collections.abc import Collection, Sequence
from uuid import UUID

import pytest

from domain.raws.raws import RawImage
from domain.work.outcomes import Export
from ports.ledger import Attempt
from ports.workspace import (
    Assignment,
    ClaimRefusedError,
    InitOutputsMissingError,
    NothingRunnableError,
    RawUnreadableError,
    Workspace,
    WorkspaceError,
)


class Site(abc.ABC):
    """A workspace on an initialized repository, and a visit of two snaps."""

    workspace: Workspace
    raws: Sequence[RawImage]
    damaged: RawImage
    foreign: RawImage
    """Of another detector."""

    plain: str
    """A pipeline that succeeds and makes no change of its own."""
    changing: str
    """A pipeline that succeeds and makes a change."""
    failing_before: str
    """A pipeline that fails before its change."""
    failing_after: str
    """A pipeline that fails in its change."""
    lacking: str
    """A pipeline that needs what the repository does not hold."""
    unbuildable: str
    """A pipeline that has nothing to run on these images."""
    uninitialized: str
    """A pipeline that the initializer has not prepared."""

    @abc.abstractmethod
    def assignment(self, *main: str, number: int = 1) -> Assignment:
        """Make an attempt on the visit."""

    @abc.abstractmethod
    def claimed(self) -> dict[int, Attempt]:
        """List the claims on exposures."""

    @abc.abstractmethod
    async def register(self, message: bytes) -> Collection[UUID]:
        """Do what the Butler Writer does with a message; returns the datasets."""

    async def process(self, *main: str, number: int = 1) -> str:
        """Go through all steps up to the main pipeline; returns the failure."""
        await self.workspace.prepare(self.assignment(*main, number=number))
        exposures = [(await self.workspace.ingest(raw)).exposure for raw in self.raws]
        return (await self.workspace.process(exposures)).failure


class WorkspaceContract:
    @pytest.fixture
    def site(self) -> Site:
        raise NotImplementedError

    async def test_a_visit_is_processed_and_handed_on(self, site: Site) -> None:
        prepared = await site.workspace.prepare(site.assignment(site.plain))
        assert prepared.datasets > 0
        exposures = [await site.workspace.ingest(raw) for raw in site.raws]
        assert [exposure.snap for exposure in exposures] == [0, 1]
        assert [exposure.exposure for exposure in exposures] == [raw.exposure for raw in site.raws]
        processed = await site.workspace.process([exposure.exposure for exposure in exposures])
        assert processed.failure == ""
        assert processed.pipeline in site.plain
        assert not processed.changed
        assert await site.workspace.waiting_alerts() is None
        message = await site.workspace.export(Export.EVERYTHING)
        assert message is not None
        assert await site.register(message)

    async def test_the_claim_is_made_before_files_leave(self, site: Site) -> None:
        await site.process(site.plain)
        assert not site.claimed()
        await site.workspace.export(Export.EVERYTHING)
        attempt = site.assignment(site.plain).attempt
        assert site.claimed() == dict.fromkeys([raw.exposure for raw in site.raws], attempt)

    async def test_a_change_is_claimed_and_said(self, site: Site) -> None:
        await site.workspace.prepare(site.assignment(site.changing))
        exposures = [(await site.workspace.ingest(raw)).exposure for raw in site.raws]
        processed = await site.workspace.process(exposures)
        assert processed.changed
        assert sorted(site.claimed()) == sorted(exposures)

    async def test_what_another_attempt_claimed_is_left_alone(self, site: Site) -> None:
        await site.process(site.changing)
        await site.workspace.clean()
        with pytest.raises(ClaimRefusedError):
            await site.process(site.changing, number=2)
        assert set(site.claimed().values()) == {site.assignment(site.changing).attempt}

    async def test_files_of_another_attempts_exposures_do_not_leave(self, site: Site) -> None:
        await site.process(site.changing)
        await site.workspace.clean()
        assert await site.process(site.plain, number=2) == ""
        with pytest.raises(ClaimRefusedError):
            await site.workspace.export(Export.EVERYTHING)

    async def test_a_failure_before_the_change_claims_nothing(self, site: Site) -> None:
        assert await site.process(site.failing_before)
        assert not site.claimed()

    async def test_a_failure_in_the_change_keeps_its_products_back(self, site: Site) -> None:
        assert await site.process(site.failing_after)
        assert site.claimed()
        part = await site.workspace.export(Export.BEFORE_CHANGE)
        everything = await site.workspace.export(Export.EVERYTHING)
        assert part is not None
        assert everything is not None
        assert set(await site.register(part)) < set(await site.register(everything))

    async def test_nothing_to_export_is_no_message(self, site: Site) -> None:
        await site.process(site.plain)
        assert await site.workspace.export(Export.NOTHING) is None
        assert not site.claimed()

    async def test_without_images_nothing_is_claimed(self, site: Site) -> None:
        await site.workspace.prepare(site.assignment(site.plain))
        await site.workspace.export(Export.EVERYTHING)
        assert not site.claimed()

    async def test_pipelines_are_tried_in_their_order(self, site: Site) -> None:
        await site.workspace.prepare(
            site.assignment(site.lacking, site.unbuildable, site.plain, site.changing)
        )
        exposures = [(await site.workspace.ingest(raw)).exposure for raw in site.raws]
        assert (await site.workspace.process(exposures)).pipeline in site.plain

    async def test_a_failing_pipeline_is_the_last_one_tried(self, site: Site) -> None:
        await site.workspace.prepare(site.assignment(site.failing_before, site.plain))
        exposures = [(await site.workspace.ingest(raw)).exposure for raw in site.raws]
        processed = await site.workspace.process(exposures)
        assert processed.pipeline in site.failing_before
        assert processed.failure

    async def test_what_is_missing_is_said_before_the_image(self, site: Site) -> None:
        with pytest.raises(NothingRunnableError, match="lacks"):
            await site.workspace.prepare(site.assignment(site.lacking))

    async def test_a_graph_that_cannot_be_built_is_nothing_runnable(self, site: Site) -> None:
        with pytest.raises(NothingRunnableError):
            await site.process(site.unbuildable)
        assert not site.claimed()

    async def test_the_initializer_must_have_been_there(self, site: Site) -> None:
        assignment = site.assignment(site.uninitialized)
        with pytest.raises(InitOutputsMissingError, match=assignment.day):
            await site.workspace.prepare(assignment)

    async def test_a_damaged_raw_does_not_stop_the_others(self, site: Site) -> None:
        await site.workspace.prepare(site.assignment(site.plain))
        with pytest.raises(RawUnreadableError):
            await site.workspace.ingest(site.damaged)
        exposure = await site.workspace.ingest(site.raws[0])
        assert (await site.workspace.process([exposure.exposure])).failure == ""

    async def test_a_foreign_raw_is_refused(self, site: Site) -> None:
        await site.workspace.prepare(site.assignment(site.plain))
        with pytest.raises(RawUnreadableError):
            await site.workspace.ingest(site.foreign)

    async def test_a_snap_is_ingested_once(self, site: Site) -> None:
        await site.workspace.prepare(site.assignment(site.plain))
        await site.workspace.ingest(site.raws[0])
        with pytest.raises(RawUnreadableError, match="already"):
            await site.workspace.ingest(site.raws[0])

    async def test_an_attempt_begins_clean(self, site: Site) -> None:
        assert await site.process(site.failing_before)
        assert await site.process(site.plain, number=2) == ""

    async def test_cleaning_may_follow_anything(self, site: Site) -> None:
        await site.workspace.clean()
        await site.workspace.prepare(site.assignment(site.plain))
        await site.workspace.clean()
        await site.workspace.clean()
        with pytest.raises(WorkspaceError):
            await site.workspace.ingest(site.raws[0])
        assert await site.process(site.plain) == ""
