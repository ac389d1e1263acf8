"""From the announcement to the central registry, on the pipelines that the demo runs."""

import json
from pathlib import Path

import pytest
from jsonschema import validate
from lsst.daf.butler import Butler

from adapters.butler.writer.central_registry import ButlerCentralRegistry
from domain.runs import chain, output_run
from domain.work.outcomes import Export
from ports.central_registry import OutputEvent
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
