"""The message to the Butler Writer, both ways."""

import json
from collections.abc import Sequence
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import validate
from lsst.daf.butler import DataCoordinate, DatasetRef, DatasetType, DimensionUniverse, FileDataset

from adapters.butler.camera.camera_stack import OurCameraStack
from adapters.butler.shared.messages import Decoder, Outputs, encode, pack_records
from adapters.butler.shared.names import provenance_type
from adapters.butler.shared.records import make_record
from adapters.files.cameras import find_camera
from domain.raws.exposure import Exposure
from domain.times import TaiSeconds
from tests.contract_files import contract_json
from tests.strategies.visits import groups

UNIVERSE = DimensionUniverse()
uuids = st.lists(st.uuids(), max_size=3, unique=True)
FORMATTER = "lsst.daf.butler.formatters.json.JsonFormatter"


def exposure(group: str, ra: float | None) -> Exposure:
    return Exposure(
        instrument="SimCam",
        detector=4,
        exposure=2026031300001,
        obs_id="SC_O_20260313_000001",
        group=group,
        snap=0,
        day_obs=20260313,
        seqnum=1,
        physical_filter="r_sim",
        exposure_time=15.0,
        begin=TaiSeconds(1773454540.0),
        end=TaiSeconds(1773454555.0),
        ra=ra,
        dec=2.2,
        sky_angle=12.0,
    )


def outputs(group: str, ra: float | None, numbers: Sequence[UUID]) -> Outputs:
    stack = OurCameraStack(find_camera("SimCam"))
    kind = provenance_type(UNIVERSE)
    data_id = DataCoordinate.standardize(
        {"instrument": "SimCam", "group": group, "detector": 4}, universe=UNIVERSE, dimensions=kind.dimensions
    )
    files = [
        FileDataset(
            f"run/{number}.json", [DatasetRef(kind, data_id, run="run", id=number)], formatter=FORMATTER
        )
        for number in numbers
    ]
    return Outputs(records=stack.records(UNIVERSE, exposure(group, ra)), dataset_types=[kind], files=files)


def encoded(written: Outputs) -> bytes:
    return encode(pack_records(written.records), written.dataset_types, written.files)


def no_types(name: str) -> DatasetType:
    raise KeyError(name)


DECODER = Decoder(UNIVERSE, no_types)


@settings(max_examples=15)  # Each makes dimension records of a Butler's universe: 50 ms.
@given(group=groups(), ra=st.none() | st.floats(0, 359), numbers=uuids)
def test_what_is_written_is_read(group: str, ra: float | None, numbers: list[UUID]) -> None:
    written = outputs(group, ra, numbers)
    read = DECODER.decode(encoded(written))
    assert {record.dataId: record for record in read.records} == {
        record.dataId: record for record in written.records
    }
    assert list(read.dataset_types) == list(written.dataset_types)
    assert [(file.path, file.refs, file.formatter) for file in read.files] == [
        (file.path, file.refs, file.formatter) for file in written.files
    ]


@settings(max_examples=15)
@given(group=groups(), numbers=uuids)
def test_the_message_keeps_to_the_contract(group: str, numbers: list[UUID]) -> None:
    message = json.loads(encoded(outputs(group, 1.0, numbers)))
    validate(message, contract_json("pp_output_event.schema.json"))


def test_records_come_after_those_they_refer_to() -> None:
    stack = OurCameraStack(find_camera("SimCam"))
    shuffled = list(reversed(stack.records(UNIVERSE, exposure("g", 1.0))))
    order = [record["definition"] for record in pack_records(shuffled)]
    assert order.index("group") < order.index("exposure") < order.index("visit_definition")
    assert order.index("day_obs") < order.index("visit") < order.index("visit_detector_region")


def test_repeated_records_are_written_once() -> None:
    group = make_record(UNIVERSE, "group", instrument="SimCam", name="g")
    packed = pack_records([group, group])
    assert len(packed) == 1
    assert json.loads(encode([*packed, *packed], [], []))["dimension_records"] == packed


def test_the_contracts_example_is_read() -> None:
    (example,) = contract_json("pp_output_event.schema.json")["examples"]
    kind = DatasetType(
        "difference_image", ("instrument", "visit", "detector"), "StructuredDataDict", universe=UNIVERSE
    )
    read = Decoder(UNIVERSE, {kind.name: kind}.__getitem__).decode(json.dumps(example).encode())
    ((ref,),) = [file.refs for file in read.files]
    assert (ref.datasetType, ref.dataId["visit"], ref.dataId["detector"]) == (kind, 2026031300217, 94)
    assert [record.definition.name for record in read.records] == ["group"]


def test_an_unknown_dataset_type_is_an_error() -> None:
    (example,) = contract_json("pp_output_event.schema.json")["examples"]
    with pytest.raises(LookupError):
        DECODER.decode(json.dumps(example).encode())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"type": "other"}, "not of type 'pp-output'"),
        ({"type": None}, "^type: None is not text$"),
        ({"datasets": {}}, "^datasets: is not a list$"),
        ({"dimension_records": None, "dataset_types": 3}, "^dimension_records: .*; dataset_types: .*list$"),
    ],
)
def test_a_message_of_another_shape_is_refused_by_field(change: dict[str, object], fault: str) -> None:
    message = {"type": "pp-output", "dimension_records": [], "datasets": []}
    assert DECODER.decode(json.dumps(message).encode()) == Outputs()
    with pytest.raises(ValueError, match=fault):
        DECODER.decode(json.dumps(message | change).encode())
