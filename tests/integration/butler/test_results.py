"""What outlives a demo or a replay: the outputs of the day in a repository of plain files."""

import json
from pathlib import Path
from typing import cast

import pytest
from attrs import evolve
from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    DatasetType,
)

from adapters.butler.camera.camera_stack import OurCameraStack
from adapters.butler.library.results import keep_results, read_results
from adapters.files.cameras import find_camera
from domain.cameras.camera_dict import camera_as_dict
from domain.runs import chain
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.instrument import CameraInstrument
from prompt_pipelines.repository import butler_config
from tests.contracts.test_writer import exposure

pytestmark = pytest.mark.slow

CAMERA = find_camera("SimCam")
DAY, NEXT_DAY = (chain("SimCam", f"2026-03-{day}") for day in (13, 14))


def test_a_visit_without_a_pointing_is_kept_like_any_other(tmp_path: Path) -> None:
    central = tmp_path / "central"
    Butler.makeRepo(str(central), config=butler_config())
    with Butler.from_config(str(central), writeable=True) as butler:
        CameraInstrument.for_camera(cast(CameraDict, camera_as_dict(CAMERA))).register(butler.registry)
        kind = DatasetType(
            "facts", ("instrument", "visit", "detector"), "StructuredDataDict", universe=butler.dimensions
        )
        butler.registry.registerDatasetType(kind)
        for day in (DAY, NEXT_DAY):  # an initializer prepares the next one as well
            butler.collections.register(f"{day}/run", CollectionType.RUN)
            butler.collections.register(day, CollectionType.CHAINED)
            butler.collections.redefine_chain(day, [f"{day}/run"])
        for number, ra in enumerate((10.0, None)):
            observed = evolve(
                exposure(f"g{number}", ra), exposure=2026031300001 + number, obs_id=f"o{number}"
            )
            records = OurCameraStack(CAMERA).records(butler.dimensions, observed)
            order = butler.dimensions.sorted({record.definition for record in records})
            for record in sorted(records, key=lambda record: order.index(record.definition)):
                butler.registry.insertDimensionData(record.definition, record, skip_existing=True)
            data_id = {"instrument": "SimCam", "visit": observed.exposure, "detector": observed.detector}
            number_of = butler.put({"ra": ra}, kind, data_id, run=f"{DAY}/run").id
            (tmp_path / f"2026-03-14T02-16-09-12093{number}.json").write_text(
                json.dumps({"datasets": [str(number_of)]})
            )
    results = read_results(central, tmp_path, "SimCam")
    assert results.counts == {"facts": 2}
    assert {key: round(when % 1, 6) for key, when in results.arrived.items()} == {
        (f"g{number}", observed.detector): 0.12093 + number / 1e6 for number in (0, 1)
    }
    assert keep_results(central, DAY, tmp_path / "kept") == 2
    with Butler.from_config(str(tmp_path / "kept"), collections=DAY, writeable=False) as kept:
        assert NEXT_DAY not in kept.collections.query("*")
        refs = kept.query_datasets("facts")
        assert sorted(str(kept.get(ref)["ra"]) for ref in refs) == ["10.0", "None"]
    assert list((tmp_path / "kept").rglob("*export.yaml")) == list(tmp_path.glob("kept*/copying-*")) == []
