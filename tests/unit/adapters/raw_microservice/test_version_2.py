"""Version 2: any sensor, and many at once; and what else is served."""

import asyncio
import json
from collections.abc import Mapping, Sequence

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.raw_microservice.server.lookups import MOST_SNAPS
from ports.raw_index import RawSlot
from tests.unit.adapters.raw_microservice.asking import CAMERAS, GROUP, AbsentIndex, Asked, uri_of

_LSSTCAM, _SIMCAM, _ = CAMERAS


@pytest.mark.parametrize("sensor", ["R00_SW0", "R44_SG1", "R22_S11"])
async def test_any_sensor_can_be_asked_for(sensor: str) -> None:
    asked = Asked()
    assert (await asked.get("v2", "presence", "LSSTCam", GROUP, 0, sensor)).json["present"] is False
    await asked.put(("LSSTCam", GROUP, 0, sensor))
    answer = await asked.get("v2", "presence", "LSSTCam", GROUP, 0, sensor)
    assert answer.json == {"error": False, "present": True, "uri": uri_of("LSSTCam", GROUP, 0, sensor)}


_PLACES = st.sets(
    st.tuples(st.integers(0, MOST_SNAPS - 1), st.sampled_from([d.name for d in _SIMCAM.detectors])),
    max_size=12,
)


@given(_PLACES)
async def test_a_group_lists_what_has_come_of_all_snaps(places: set[tuple[int, str]]) -> None:
    asked = Asked()
    await asked.put(*[("SimCam", GROUP, snap, sensor) for snap, sensor in places])
    answer = await asked.get("v2", "presence", "SimCam", GROUP)
    assert answer.status == 200
    assert {**answer.json, "raws": 0} == {"error": False, "instrument": "SimCam", "group": GROUP, "raws": 0}
    assert answer.json["raws"] == [
        {
            "snap": snap,
            "sensor": sensor,
            "detector": _SIMCAM.numbers[sensor],
            "uri": uri_of("SimCam", GROUP, snap, sensor),
        }
        for snap, sensor in sorted(places, key=lambda place: (place[0], _SIMCAM.numbers[place[1]]))
    ]


@given(_PLACES, st.integers(0, MOST_SNAPS))
async def test_a_snap_lists_its_own(places: set[tuple[int, str]], snap: int) -> None:
    asked = Asked()
    await asked.put(*[("SimCam", GROUP, snap, sensor) for snap, sensor in places])
    answer = await asked.get("v2", "presence", "SimCam", GROUP, snap)
    assert {raw["sensor"] for raw in answer.json["raws"]} == {sensor for of, sensor in places if of == snap}
    assert {raw["snap"] for raw in answer.json["raws"]} <= {snap}


async def test_sensors_can_be_chosen() -> None:
    asked = Asked()
    await asked.put(*[("LSSTCam", GROUP, snap, d.name) for snap in (0, 1) for d in _LSSTCAM.detectors])
    query = "sensor=R22_S11&sensor=R00_SW0&sensor=R22_S11"
    of_group = await asked.get("v2", "presence", "LSSTCam", GROUP, query=query)
    of_snap = await asked.get("v2", "presence", "LSSTCam", GROUP, 1, query=query)
    assert [(raw["snap"], raw["sensor"]) for raw in of_group.json["raws"]] == [
        (0, "R22_S11"),
        (0, "R00_SW0"),
        (1, "R22_S11"),
        (1, "R00_SW0"),
    ]
    assert [raw["sensor"] for raw in of_snap.json["raws"]] == ["R22_S11", "R00_SW0"]


class _Watched:
    """An index that says how many places it was asked for."""

    def __init__(self, *known: RawSlot) -> None:
        self.known = known
        self.asked: list[int] = []

    async def put(self, found: Mapping[RawSlot, str]) -> None:
        raise NotImplementedError(found)

    async def find(self, slots: Sequence[RawSlot]) -> Sequence[str | None]:
        self.asked.append(len(slots))
        return ["uri" if slot in self.known else None for slot in slots]


async def test_snaps_of_a_large_camera_are_looked_for_while_there_are_more() -> None:
    index = _Watched(*(RawSlot("LSSTCam", GROUP, snap, "R22_S11") for snap in (1, 5)))
    answer = await Asked(index).get("v2", "presence", "LSSTCam", GROUP)
    assert [raw["snap"] for raw in answer.json["raws"]] == [1, 5]
    assert index.asked == [4 * len(_LSSTCAM.detectors)] * 3


async def test_a_group_without_end_is_looked_at_in_bounds() -> None:
    index = _Watched(*(RawSlot("LSSTCam", GROUP, snap, "R22_S11") for snap in range(1000)))
    answer = await Asked(index).get("v2", "presence", "LSSTCam", GROUP)
    assert [raw["snap"] for raw in answer.json["raws"]] == list(range(MOST_SNAPS))


@pytest.mark.parametrize(
    ("parts", "query", "status", "named"),
    [
        (("DECam", GROUP), "", 404, "DECam"),
        (("LATISS", GROUP), "", 404, "LATISS"),
        (("LSSTCam", GROUP, 0, "R99_S99"), "", 404, "R99_S99"),
        (("LSSTCam", GROUP), "sensor=R99_S99", 404, "R99_S99"),
        (("LSSTCam", GROUP), "sensor=", 404, "''"),
        (("LSSTCam", GROUP), "detector=4", 400, "detector"),
        (("LSSTCam", GROUP), "sensor=%FF", 400, "query"),
        (("LSSTCam", GROUP), "&".join(["sensor=R22_S11"] * 2000), 400, "query"),
        (("LSSTCam", GROUP, "x"), "", 400, "snap"),
        (("LSSTCam", " "), "", 400, "group"),
        (("LSSTCam",), "", 404, "path"),
        ((), "", 404, "path"),
    ],
)
async def test_what_cannot_be_asked_for(
    parts: tuple[str | int, ...], query: str, status: int, named: str
) -> None:
    answer = await Asked().get("v2", "presence", *parts, query=query)
    assert answer.status == status
    assert answer.json["error"] is True
    assert named in answer.json["message"]


@pytest.mark.parametrize(
    "parts", [("LSSTCam", GROUP), ("LSSTCam", GROUP, 0), ("LSSTCam", GROUP, 0, "R00_SW0")]
)
async def test_an_index_out_of_reach_is_said(parts: tuple[str | int, ...]) -> None:
    answer = await Asked(AbsentIndex()).get("v2", "presence", *parts)
    assert answer.status == 503
    assert answer.json["error"] is True


async def test_probes() -> None:
    assert (await Asked().get("healthz")).status == 200
    assert (await Asked().get("readyz")).status == 200
    assert (await Asked(AbsentIndex()).get("healthz")).status == 200
    assert (await Asked(AbsentIndex()).get("readyz")).status == 503


async def test_metrics() -> None:
    answer = await Asked().get("metrics")
    assert answer.body == b"written metrics\n"
    assert answer.headers[b"content-type"].startswith(b"text/plain")


@pytest.mark.parametrize("path", [b"/presence/LSSTCam/g/0/R22_S11", b"/v2/presence/LSSTCam/g", b"/healthz"])
async def test_other_methods_are_not_allowed(path: bytes) -> None:
    asked = Asked()
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = await asked.send(method, path)
        assert (answer.status, answer.headers[b"allow"]) == (405, b"GET, HEAD")
    assert (await asked.send("HEAD", path)).status == 200


async def test_the_document_names_every_path_that_is_served() -> None:
    asked = Asked()
    document = (await asked.get("openapi.json")).json
    for path in document["paths"]:
        filled = path.format(instrument="LSSTCam", group="g", snap="0", sensor="R22_S11")
        assert (await asked.send("GET", filled.encode())).status == 200
    text = json.dumps(document)
    for kind, names in document["components"].items():
        for name in names:
            assert kind == "parameters" or f"#/components/{kind}/{name}" in text


@attrs.frozen
class _BusyIndex:
    """An index without raws that takes ten microseconds for each slot."""

    async def put(self, found: Mapping[RawSlot, str]) -> None:
        raise NotImplementedError(found)

    async def find(self, slots: Sequence[RawSlot]) -> Sequence[str | None]:
        await asyncio.sleep(len(slots) * 1e-5)
        return [None] * len(slots)


@pytest.mark.looptime
async def test_many_lists_delay_no_question_about_one_raw() -> None:
    asked = Asked(_BusyIndex())
    lists = [asyncio.ensure_future(asked.get("v2", "presence", "LSSTCam", GROUP)) for _ in range(500)]
    await asyncio.sleep(0)
    begin = asyncio.get_running_loop().time()
    one = await asked.get("presence", "LSSTCam", GROUP, 0, "R22_S11")
    assert one.status == 200
    assert asyncio.get_running_loop().time() - begin < 0.1
    statuses = [answered.status for answered in await asyncio.gather(*lists)]
    assert set(statuses) == {200, 503}
    assert statuses.count(200) > 20
