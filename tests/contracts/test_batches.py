import json
from uuid import UUID

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from adapters.kafka.outputs.batch_announcement import BatchAnnouncement
from domain.times import UtcSeconds
from tests.contract_files import contract_json

WORDS = st.builds(
    BatchAnnouncement,
    batch=st.uuids(),
    finished=st.floats(0.0, 4e9).map(UtcSeconds),
    datasets=st.lists(st.uuids(), max_size=20).map(tuple),
)


@given(word=WORDS)
def test_file_and_event_are_what_the_contracts_say(word: BatchAnnouncement) -> None:
    file, event = json.loads(word.file()), json.loads(word.event())
    jsonschema.validate(file, contract_json("dataset_batch.schema.json"))
    jsonschema.validate(event, contract_json("batch_ingested_event.schema.json"))
    assert file["batch_id"] == event["batch_id"] == str(word.batch)
    assert file["datasets"] == [str(dataset) for dataset in word.datasets]
    assert event["batch_file"] == word.file_name


@given(one=WORDS, other=WORDS)
def test_files_sort_by_time(one: BatchAnnouncement, other: BatchAnnouncement) -> None:
    # To the microsecond, which is what a name holds.
    if other.finished - one.finished > 1e-5:
        assert one.file_name < other.file_name


def test_the_contracts_example() -> None:
    example = contract_json("batch_ingested_event.schema.json")["examples"][0]
    name = example["batch_file"]
    assert name == "2026-03-14T02-16-09-120934-0f5a1a0e-30d2-4a0b-8c8b-3a4f4c2a7b10.json"
    word = BatchAnnouncement(
        batch=UUID(example["batch_id"]), finished=UtcSeconds(1773454569.120934), datasets=()
    )
    assert json.loads(word.event()) == example
