"""What every `ports.deployment_outputs.DeploymentOutputs` keeps to."""

import abc
import asyncio
from collections.abc import Sequence

import pytest

from domain.runs import chain, output_run, preload_run
from ports.deployment_outputs import DeploymentOutputs, InitializerError, RunPlan

DAY_CHAIN = chain("SimCam", "2026-03-13")


def plans(pipelines: Sequence[str], deployment: str) -> list[RunPlan]:
    """Plan a deployment's runs as the initializer does."""
    made = [RunPlan(run=output_run(DAY_CHAIN, file, deployment), pipeline=file) for file in pipelines]
    return [*made, RunPlan(run=preload_run(DAY_CHAIN, deployment), pipeline=None)]


class Repository(abc.ABC):
    """A repository with nothing of any deployment in it."""

    pipelines: Sequence[str]
    """Two pipelines that can be prepared there."""

    @abc.abstractmethod
    def outputs(self) -> DeploymentOutputs:
        """Make one more initializer's view of it."""

    @abc.abstractmethod
    async def chain(self) -> Sequence[str]:
        """List the children of the day's chain."""

    @abc.abstractmethod
    async def break_off(self) -> None:
        """Put the repository unreachable."""


class DeploymentOutputsContract:
    @pytest.fixture
    def repository(self) -> Repository:
        raise NotImplementedError

    async def test_runs_are_in_front_of_the_chain(self, repository: Repository) -> None:
        first, second = (
            plans(repository.pipelines, "pipelines-0000001"),
            plans(repository.pipelines, "pipelines-0000002"),
        )
        for each in (first, second):
            assert await repository.outputs().prepare(DAY_CHAIN, each, register=True)
        assert list(await repository.chain()) == [plan.run for plan in (*second, *first)]

    async def test_a_second_time_nothing_is_done(self, repository: Repository) -> None:
        both = plans(repository.pipelines, "pipelines-0000001")
        await repository.outputs().prepare(DAY_CHAIN, both, register=True)
        assert list(await repository.outputs().prepare(DAY_CHAIN, both, register=False)) == []

    async def test_an_older_deployment_does_not_return_to_the_front(self, repository: Repository) -> None:
        old, new = plans(repository.pipelines, "old"), plans(repository.pipelines, "new")
        for each in (old, new, old):
            await repository.outputs().prepare(DAY_CHAIN, each, register=True)
        assert list(await repository.chain()) == [plan.run for plan in (*new, *old)]

    async def test_what_was_begun_is_completed(self, repository: Repository) -> None:
        both = plans(repository.pipelines, "pipelines-0000001")
        await repository.outputs().prepare(DAY_CHAIN, both[:1], register=True)
        await repository.outputs().prepare(DAY_CHAIN, both, register=True)
        assert sorted(await repository.chain()) == sorted(plan.run for plan in both)

    async def test_a_preview_says_what_would_be_done_and_changes_nothing(
        self, repository: Repository
    ) -> None:
        both = plans(repository.pipelines, "pipelines-0000001")
        outputs = repository.outputs()
        previews = [await outputs.preview(DAY_CHAIN, both, register=True) for _ in range(2)]
        # Had the first changed anything, the second would say less; and so would what is done.
        assert previews == [await outputs.prepare(DAY_CHAIN, both, register=True)] * 2
        assert list(await outputs.preview(DAY_CHAIN, both, register=False)) == []

    async def test_a_preview_says_what_is_left_to_do(self, repository: Repository) -> None:
        both = plans(repository.pipelines, "pipelines-0000001")
        outputs = repository.outputs()
        await outputs.prepare(DAY_CHAIN, both[:1], register=True)
        preview = await outputs.preview(DAY_CHAIN, both, register=True)
        assert not any(line.startswith(f"run {both[0].run}:") for line in preview)
        assert list(preview) == list(await outputs.prepare(DAY_CHAIN, both, register=True))

    async def test_two_at_once_do_not_disturb_each_other(self, repository: Repository) -> None:
        both = plans(repository.pipelines, "pipelines-0000001")
        await asyncio.gather(
            *(repository.outputs().prepare(DAY_CHAIN, both, register=True) for _ in range(2))
        )
        assert sorted(await repository.chain()) == sorted(plan.run for plan in both)
        assert list(await repository.outputs().prepare(DAY_CHAIN, both, register=False)) == []

    async def test_missing_dataset_types_are_named(self, repository: Repository) -> None:
        with pytest.raises(InitializerError, match="not registered"):
            await repository.outputs().prepare(
                DAY_CHAIN, plans(repository.pipelines, "pipelines-0000001"), register=False
            )
        with pytest.raises(InitializerError, match="not registered"):
            await repository.outputs().preview(
                DAY_CHAIN, plans(repository.pipelines, "pipelines-0000001"), register=False
            )

    async def test_out_of_reach_is_an_error(self, repository: Repository) -> None:
        await repository.break_off()
        with pytest.raises(InitializerError):
            await repository.outputs().prepare(
                DAY_CHAIN, plans(repository.pipelines, "pipelines-0000001"), register=True
            )
