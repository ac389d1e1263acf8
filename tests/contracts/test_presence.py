"""Version 1, as docs/contracts/raw-microservice.md has it."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.raw_microservice.server.lookups import LSST_INSTRUMENTS
from ports.raw_index import RawSlot
from tests.unit.adapters.raw_microservice.asking import GROUP, AbsentIndex, Asked, uri_of

_RAW = ("LSSTCam", GROUP, 0, "R22_S11")
_GROUPS = st.text(st.characters(codec="utf-8"), min_size=1).filter(str.strip)


async def test_a_raw_that_has_come() -> None:
    asked = Asked()
    await asked.put(_RAW)
    answer = await asked.get("presence", *_RAW)
    assert answer.status == 200
    assert answer.json == {"error": False, "present": True, "uri": uri_of(*_RAW)}


@pytest.mark.parametrize(
    "other",
    [
        ("LSSTComCam", GROUP, 0, "R22_S11"),
        ("LSSTCam", "another group", 0, "R22_S11"),
        ("LSSTCam", GROUP, 1, "R22_S11"),
        ("LSSTCam", GROUP, 0, "R22_S12"),
        ("LSSTCam", GROUP, 0, "R99_S99"),
    ],
)
async def test_a_raw_that_has_not_come(other: tuple[str, str, int, str]) -> None:
    asked = Asked()
    await asked.put(_RAW)
    answer = await asked.get("presence", *other)
    assert answer.status == 200
    assert answer.json == {"error": False, "present": False}


@given(_GROUPS, st.integers(0, 10**9 - 1))
async def test_any_group_is_found_under_its_encoded_name(group: str, snap: int) -> None:
    asked = Asked()
    await asked.put(("LSSTCam", group, snap, "R22_S11"))
    answer = await asked.get("presence", "LSSTCam", group, snap, "R22_S11")
    assert answer.json["uri"] == uri_of("LSSTCam", group, snap, "R22_S11")


async def test_a_slash_in_a_group_is_no_end_of_a_part() -> None:
    asked = Asked()
    await asked.put(("LSSTCam", "a/b", 0, "R22_S11"))
    assert (await asked.send("GET", b"/presence/LSSTCam/a%2Fb/0/R22_S11")).json["present"]
    assert (await asked.send("GET", b"/presence/LSSTCam/a%2fb/0/R22_S11")).json["present"]
    assert (await asked.send("GET", b"/presence/LSSTCam/a/b/0/R22_S11")).status == 404


@pytest.mark.parametrize("instrument", LSST_INSTRUMENTS)
async def test_the_instruments_of_the_contract_are_known(instrument: str) -> None:
    assert (await Asked().get("presence", instrument, GROUP, 0, "R22_S11")).status == 200


@pytest.mark.parametrize(("instrument", "sensor"), [("SimCam", "R22_S11"), ("HSC", "12")])
async def test_configured_instruments_are_known_with_their_own_sensors(instrument: str, sensor: str) -> None:
    asked = Asked()
    await asked.put((instrument, GROUP, 0, sensor))
    assert (await asked.get("presence", instrument, GROUP, 0, sensor)).json["present"]


@pytest.mark.parametrize(
    ("parts", "named"),
    [
        (("DECam", GROUP, 0, "R22_S11"), "DECam"),
        (("lsstcam", GROUP, 0, "R22_S11"), "lsstcam"),
        (("LSSTCam", GROUP, 0, "R00_SW0"), "R00_SW0"),
        (("LSSTCam", GROUP, 0, "R00_SG1"), "R00_SG1"),
        (("LSSTCam", GROUP, 0, "R22_S11 "), "R22_S11 "),
        (("LSSTCam", GROUP, 0, "R\u0662\u0662_S\u0661\u0661"), "sensor"),
        (("HSC", GROUP, 0, "R22_S11"), "R22_S11"),
        (("LSSTCam", GROUP, "first", "R22_S11"), "first"),
        (("LSSTCam", GROUP, -1, "R22_S11"), "-1"),
        (("LSSTCam", GROUP, "\u0663", "R22_S11"), "snap"),
        (("LSSTCam", GROUP, 10**9, "R22_S11"), str(10**9)),
        (("LSSTCam", GROUP, "", "R22_S11"), "snap"),
        (("LSSTCam", "", 0, "R22_S11"), "group"),
        (("LSSTCam", " ", 0, "R22_S11"), "group"),
    ],
)
async def test_what_cannot_be_asked_for(parts: tuple[str | int, ...], named: str) -> None:
    answer = await Asked().get("presence", *parts)
    assert answer.status == 400
    assert answer.json["error"] is True
    assert named in answer.json["message"]


async def test_an_index_out_of_reach_is_an_error_and_no_absence() -> None:
    answer = await Asked(AbsentIndex()).get("presence", *_RAW)
    assert answer.status == 500
    assert answer.json == {"error": True, "message": "cannot find 1"}


class _SlowIndex:
    """An index that answers after the client has gone."""

    def __init__(self) -> None:
        self.pause = 3600.0

    async def put(self, found: Mapping[RawSlot, str]) -> None:
        raise NotImplementedError(found)

    async def find(self, slots: Sequence[RawSlot]) -> Sequence[str | None]:
        await asyncio.sleep(self.pause)
        return [None] * len(slots)


@pytest.mark.looptime
async def test_a_slow_index_is_not_waited_for_longer_than_a_client_waits() -> None:
    began = asyncio.get_running_loop().time()
    answer = await Asked(_SlowIndex()).get("presence", *_RAW)
    assert answer.status == 500
    assert asyncio.get_running_loop().time() - began < 1.0


@pytest.mark.looptime
async def test_an_outage_is_logged_at_its_beginning_and_end(caplog: pytest.LogCaptureFixture) -> None:
    index = _SlowIndex()
    asked = Asked(index)
    with caplog.at_level(logging.INFO):
        for pause in (0.0, 3600.0, 3600.0, 3600.0, 0.0, 0.0, 3600.0):
            index.pause = pause
            await asked.get("presence", *_RAW)
    said = [record.levelname for record in caplog.records]
    assert said == ["ERROR", "INFO", "ERROR"]


class _BrokenIndex(AbsentIndex):
    async def find(self, slots: Sequence[RawSlot]) -> Sequence[str | None]:
        raise LookupError(slots)


async def test_a_mistake_of_ours_is_an_answer_too() -> None:
    answer = await Asked(_BrokenIndex()).get("presence", *_RAW)
    assert answer.status == 500
    assert answer.json["error"] is True


_ODD = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"/",
                b"//",
                b"presence",
                b"v2",
                b"LSSTCam",
                b"SimCam",
                b"0",
                b"R22_S11",
                b"%",
                b"%2F",
                b"%FF",
                b".",
            ]
        ),
        st.binary(max_size=6),
    ),
    max_size=14,
).map(b"".join)
_METHODS = st.sampled_from(["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])


@given(_METHODS, _ODD, st.binary(max_size=20))
async def test_any_bytes_get_an_answer_that_says_what_it_is(method: str, path: bytes, query: bytes) -> None:
    answer = await Asked().send(method, b"/" + path, query)
    assert answer.status in {200, 400, 404, 405}
    if answer.headers[b"content-type"] == b"application/json" and path != b"openapi.json":
        assert answer.json["error"] is (answer.status != 200)
        assert answer.status == 200 or answer.json["message"]


@given(st.lists(_ODD, min_size=4, max_size=4), st.booleans())
async def test_any_bytes_in_the_place_of_names_get_an_answer(parts: list[bytes], second: bool) -> None:
    path = b"/".join(
        [b"/v2/presence" if second else b"/presence", *(part.replace(b"/", b"") for part in parts)]
    )
    answer = await Asked().send("GET", path)
    assert answer.status in ({400, 404} if second else {400})
    assert answer.json["error"] is True
    assert answer.json["message"]
