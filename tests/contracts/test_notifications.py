import json
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.kafka.notifications.notifications import UndecodableNotificationError, decode_notification
from domain.errors import PromptProcessingError
from domain.raws.stored_object import StoredObject
from tests.contract_files import CONTRACTS, NOTIFICATIONS
from tests.value_or_error import value_or_error

CEPH = CONTRACTS / "bucket_notifications" / "ceph-reef-18.2.7-raw.json"
MINIO = CONTRACTS / "bucket_notifications" / "minio-put.json"
RAW = "LSSTCam/20260313/MC_O_20260313_000217/MC_O_20260313_000217_R22_S11.fits"
KEYS = {
    "ceph-reef-18.2.7-raw.json": [RAW],
    "ceph-reef-18.2.7-raw-multipart.json": [RAW.replace("S11", "S12")],
    "ceph-reef-18.2.7-raw-other-camera-special.json": [
        "HSC/94/2026-11-22T01:02:03.456+00:00/0/59134/HSC-R2/a b+c%41.fits"
    ],
    "ceph-reef-18.2.7-raw-wavefront-fz.json": [RAW.replace("R22_S11", "R00_SW0") + ".fz"],
    "ceph-reef-18.2.7-sidecar.json": [RAW.replace(".fits", ".json")],
    "minio-put.json": [RAW],
    "minio-put-tagging.json": [],
    "minio-multipart-special.json": ["HSC/94/2026-11-22T01:02:03.456+00:00/0/59134/r 1/a b+c.fits"],
    "aws-put.json": [RAW],
    "aws-multipart-special.json": ["HSC/94/2026-11-22T01:02:03.456+00:00/0/59134/r 1/a b+c.fits"],
    "made-three-records.json": [
        RAW.replace(".fits", ".json"),
        RAW,
        RAW.replace("R22_S11", "R00_SW0") + ".fz",
    ],
}

keys = st.text(st.characters(exclude_categories=["Cs"]), min_size=1) | st.sampled_from(
    ["a b+c%41.fits", "g#2/x.fits", "a/b+c d.fits", "%", "%2F"]
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def sample(path: Path = CEPH) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content


def message(source: str, key: str, **changes: object) -> bytes:
    content = sample()
    record = content["Records"][0]
    record["eventSource"] = source
    record["s3"]["object"] |= {"key": key} | changes
    return json.dumps(content).encode()


@pytest.mark.parametrize("path", NOTIFICATIONS, ids=lambda path: path.stem)
def test_the_samples_name_their_keys(path: Path) -> None:
    objects = decode_notification(path.read_bytes())
    if path.name in KEYS:
        assert [each.key for each in objects] == KEYS[path.name]
    else:
        assert "not-a-raw" in path.name
        assert len(objects) == 1


def test_a_sample_is_read_completely() -> None:
    assert decode_notification(CEPH.read_bytes()) == (
        StoredObject(bucket="rubin-summit2", key=RAW, size=11520, version="d69ecbd2ad550ba4c670358f1df5c6b4"),
    )


@pytest.mark.parametrize("source", ["SeaweedFS", "hpe:s3", None])
def test_any_store_may_tell_and_encodes_keys_as_s3_does(source: str | None) -> None:
    content = json.loads(message("aws:s3", "LSSTCam/a%2Bb%23+c.fits.fz"))
    if source is None:
        del content["Records"][0]["eventSource"]
    else:
        content["Records"][0]["eventSource"] = source
    [stored] = decode_notification(json.dumps(content).encode())
    assert stored.key == "LSSTCam/a+b# c.fits.fz"


@given(keys)
def test_a_key_is_decoded_by_who_sent_it(key: str) -> None:
    for source, encoded in (
        ("ceph:s3", key),
        ("minio:s3", quote_plus(key)),
        ("aws:s3", quote_plus(key)),
        ("aws:s3", quote(key)),
    ):
        (found,) = decode_notification(message(source, encoded))
        assert found.key == key


def test_an_empty_object_has_a_size_of_0_also_where_it_is_left_out() -> None:
    content = sample(MINIO)
    del content["Records"][0]["s3"]["object"]["size"]
    assert decode_notification(json.dumps(content).encode())[0].size == 0
    assert decode_notification(message("ceph:s3", "k", size=0))[0].size == 0


@pytest.mark.parametrize(
    "event",
    [
        "ObjectRemoved:Delete",
        "s3:ObjectRemoved:Delete",
        "ObjectCreated:PutTagging",
        "s3:ObjectCreated:PutRetention",
        "s3:ObjectCreated:PutLegalHold",
        "s3:ObjectAccessed:Get",
        "ObjectLifecycle:Expiration:Current",
    ],
)
def test_what_makes_no_new_object_gives_nothing(event: str) -> None:
    content = sample()
    content["Records"][0]["eventName"] = event
    assert decode_notification(json.dumps(content).encode()) == ()


def test_the_test_event_of_a_new_configuration_gives_nothing() -> None:
    test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "rubin-summit"}
    assert decode_notification(json.dumps(test_event).encode()) == ()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("eventName",), None),
        (("s3",), []),
        (("s3", "bucket"), None),
        (("s3", "bucket", "name"), ""),
        (("s3", "object"), "x"),
        (("s3", "object", "key"), 3),
        (("s3", "object", "key"), "\ud800"),
        (("s3", "object", "size"), -1),
        (("s3", "object", "size"), True),
    ],
)
def test_a_malformed_field_is_named_and_the_other_records_are_kept(
    path: tuple[str, ...], value: object
) -> None:
    content = sample()
    content["Records"].append(json.loads(json.dumps(content["Records"][0])))
    part = content["Records"][1]
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = value
    with pytest.raises(UndecodableNotificationError) as caught:
        decode_notification(json.dumps(content).encode())
    assert str(caught.value).startswith(f"Records[1].{'.'.join(path)}: ")
    assert [each.key for each in caught.value.readable] == [RAW]


def test_an_escape_that_is_no_text_is_refused() -> None:
    with pytest.raises(UndecodableNotificationError, match=r"s3\.object\.key"):
        decode_notification(message("aws:s3", "a%FFb"))


@given(json_values.map(lambda value: json.dumps(value).encode()) | st.binary() | st.just(b"[" * 100_000))
def test_what_is_no_notification_raises_the_projects_error(content: bytes) -> None:
    with pytest.raises(PromptProcessingError):
        decode_notification(content)


@given(st.data(), json_values)
def test_any_value_anywhere_raises_the_projects_error_or_none(data: st.DataObject, value: object) -> None:
    content = sample(data.draw(st.sampled_from([CEPH, MINIO])))
    part: Any = content
    while True:
        name = data.draw(st.sampled_from(sorted(part) if isinstance(part, dict) else range(len(part))))
        if not isinstance(part[name], dict | list) or not part[name] or data.draw(st.booleans()):
            break
        part = part[name]
    part[name] = value
    found = value_or_error(decode_notification, json.dumps(content).encode())
    assert str(found) if isinstance(found, PromptProcessingError) else len(found) <= 1
