"""What every `ports.raw_arrivals.RawLookup` keeps to."""

import abc

import pytest

from ports.raw_arrivals import RawLookup, RawLookupUnavailableError

SPECIAL_GROUPS = ("2026-03-14T02:15:07.310#2", "a/b c+d%2F?e&f", "ü")


class Microservice(abc.ABC):
    """What the microservice knows, and the client under test."""

    lookup: RawLookup

    @abc.abstractmethod
    async def index(self, group: str, snap: int, uri: str) -> None:
        """Make a raw of LSSTCam's R22_S11 known."""

    @abc.abstractmethod
    async def fail(self) -> None:
        """Put the index unreachable."""


class RawLookupContract:
    @pytest.fixture
    def microservice(self) -> Microservice:
        raise NotImplementedError

    async def test_a_raw_that_has_come_has_a_uri(self, microservice: Microservice) -> None:
        await microservice.index("a", 1, "s3://b/k")
        assert await microservice.lookup.find("LSSTCam", "a", 1, "R22_S11") == "s3://b/k"

    async def test_a_raw_that_has_not_come_is_none(self, microservice: Microservice) -> None:
        await microservice.index("a", 1, "s3://b/k")
        assert await microservice.lookup.find("LSSTCam", "a", 0, "R22_S11") is None
        assert await microservice.lookup.find("LSSTCam", "b", 1, "R22_S11") is None
        assert await microservice.lookup.find("LATISS", "a", 1, "R22_S11") is None
        assert await microservice.lookup.find("LSSTCam", "a", 1, "R22_S10") is None

    @pytest.mark.parametrize("group", SPECIAL_GROUPS)
    async def test_any_group_is_taken_as_it_is(self, microservice: Microservice, group: str) -> None:
        await microservice.index(group, 0, "s3://b/k")
        assert await microservice.lookup.find("LSSTCam", group, 0, "R22_S11") == "s3://b/k"

    async def test_an_index_out_of_reach_is_not_an_absent_raw(self, microservice: Microservice) -> None:
        await microservice.fail()
        with pytest.raises(RawLookupUnavailableError):
            await microservice.lookup.find("LSSTCam", "a", 0, "R22_S11")
