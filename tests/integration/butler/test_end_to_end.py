"""From the announcement to the central registry, on the pipelines that the demo runs."""

import json
from pathlib import Path

import pytest
from jsonschema import validate
from lsst.daf.butler import Butler
from lsst.resources import ResourcePath

from adapters.butler.shared.names import raw_run
from adapters.butler.writer.central_registry import ButlerCentralRegistry
from adapters.butler.writer.message_rules import MessageRules
from domain.runs import chain, output_run
from domain.work.outcomes import Export
from ports.central_registry import OutputEvent, UnappliableEventError
from tests.contract_files import contract_json
from tests.integration.butler.night import (
    DAY,
    DEPLOYMENT,
    DETECTOR,
    SINGLE_FRAME,
    Bench,
    MakeWorkspace,
    Night,
    both_ways,
    initialize,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("quick", [True, False])
async def test_raws_are_registered_where_they_are(
    night: Night, central: Path, make_workspace: MakeWorkspace, *, quick: bool
) -> None:
    await initialize(central, [SINGLE_FRAME])
    workspace = make_workspace(export_raws=True)
    workspace.prepare(night.assignment(main=[SINGLE_FRAME]))
    exposures = [workspace.ingest(raw).exposure for raw in night.raws]
    workspace.process(exposures)
    message = workspace.export(Export.EVERYTHING)
    workspace.clean()
    assert message is not None
    event = OutputEvent(body=message, position="0")
    root = night.raws[0].uri.partition("/SimCam/")[0]
    for elsewhere in ([], [f"{root}/below"]):
        stranger = ButlerCentralRegistry(str(central), quick=quick, rules=MessageRules(raw_roots=elsewhere))
        with pytest.raises(UnappliableEventError, match="is not below"):
            await stranger.apply([event])
        await stranger.close()
    registry = ButlerCentralRegistry(str(central), quick=quick, rules=MessageRules(raw_roots=[root]))
    for _ in range(2):
        await registry.apply([event])
    await registry.close()
    with Butler.from_config(str(central), writeable=True) as butler:
        raws = butler.query_datasets("raw", raw_run("SimCam"))
        assert {ref.dataId["exposure"]: butler.getURI(ref).geturl() for ref in raws} == dict(
            zip(exposures, (raw.uri for raw in night.raws), strict=True)
        )
        assert {butler.get(ref).pixels.ndim for ref in raws} == {2}
        butler.removeRuns([raw_run("SimCam")])
    assert all(ResourcePath(raw.uri).exists() for raw in night.raws)


@both_ways
async def test_outputs_of_a_visit_reach_the_shared_registry(
    bench: Bench, night: Night, central: Path, make_workspace: MakeWorkspace
) -> None:
    await initialize(central, [SINGLE_FRAME])
    workspace = make_workspace()
    prepared = workspace.prepare(night.assignment(main=[SINGLE_FRAME]))
    assert prepared.warnings == ()
    assert prepared.datasets >= 3
    exposures = [workspace.ingest(raw).exposure for raw in night.raws]
    processed = workspace.process(exposures)
    assert processed.failure == ""
    assert not processed.changed
    message = workspace.export(Export.EVERYTHING)
    workspace.clean()
    assert [path.name for path in bench.settings.folder.iterdir()] == [
        "template" if bench.queries else "inputs"
    ]
    assert message is not None
    validate(json.loads(message), contract_json("pp_output_event.schema.json"))
    registry = ButlerCentralRegistry(str(central))
    datasets = await registry.apply([OutputEvent(body=message, position="0")])
    assert set(await registry.apply([OutputEvent(body=message, position="0")])) == set(datasets)
    await registry.close()
    day_chain = chain("SimCam", DAY)
    with Butler.from_config(str(central), collections=[day_chain]) as butler:
        refs = butler.query_datasets("single_visit_sources")
        assert {ref.dataId["visit"] for ref in refs} == set(exposures)
        assert {ref.run for ref in refs} == {output_run(day_chain, SINGLE_FRAME, DEPLOYMENT)}
        assert all("flux" in butler.get(ref).colnames for ref in refs)
        image = butler.get(
            "preliminary_visit_image", instrument="SimCam", visit=exposures[0], detector=DETECTOR
        )
        assert image.image.array.shape == (512, 512)
        (provenance,) = butler.query_datasets("prompt_provenance")
        quanta = butler.get(provenance).quanta_by_task
        assert {label: len(each) for label, each in quanta.items()} == {"isr": 2, "detectSources": 2}
