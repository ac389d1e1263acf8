"""Which masters are made of what frames."""

from collections.abc import Sequence

import numpy as np
import pytest
from attrs import evolve, field, frozen
from lsst.images import Image, MaskedImage

from domain.cameras.camera import Box, Camera
from domain.cameras.corrections import DetectorCorrections
from prompt_pipelines.raw import RawFrame
from simulator.errors import SimulatorError
from tests.unit.simulator.cameras import NX, NY, make_camera
from workbench.masters.detector_masters import Lacking, Master, masters_of

SECTIONS = (Box(0, NX // 2, 0, NY), Box(NX // 2, NX, 0, NY))
OFFSET, GAIN = 1000.0, 2.0


def without_overscan() -> Camera:
    camera = make_camera()
    kind = camera.detectors[0].type
    assert kind is not None
    amplifiers = tuple(
        evolve(amplifier, data=box, image=box, overscan=None, gain=GAIN)
        for amplifier, box in zip(kind.amplifiers, SECTIONS, strict=True)
    )
    return evolve(camera, detectors=(evolve(camera.detectors[0], type=evolve(kind, amplifiers=amplifiers)),))


@frozen(kw_only=True)
class Frames:
    """Calibration frames at hand, or an error."""

    bias: Sequence[RawFrame] | SimulatorError = ()
    dark: Sequence[RawFrame] | SimulatorError = ()
    flat: Sequence[RawFrame] | SimulatorError = ()
    known: DetectorCorrections = field(factory=DetectorCorrections)

    def biases(self, detector: int) -> Sequence[RawFrame]:  # noqa: ARG002 - all are alike
        return self._given(self.bias)

    def darks(self, detector: int) -> Sequence[RawFrame]:  # noqa: ARG002 - all are alike
        return self._given(self.dark)

    def flats(self, detector: int, physical_filter: str) -> Sequence[RawFrame]:  # noqa: ARG002 - as above
        return self._given(self.flat)

    def corrections(self, detector: int) -> DetectorCorrections:  # noqa: ARG002 - all are alike
        return self.known

    @staticmethod
    def _given(frames: Sequence[RawFrame] | SimulatorError) -> Sequence[RawFrame]:
        if isinstance(frames, SimulatorError):
            raise frames
        return frames


def frames_of(count: int, electrons: float = 0.0, seconds: float = 0.0) -> list[RawFrame]:
    rng = np.random.default_rng(7)
    light = electrons + rng.normal(0.0, np.sqrt(electrons + 36.0), (count, NY, NX))
    adu = np.rint(OFFSET + light / GAIN).astype(np.uint16)
    return [RawFrame(pixels, exposure_time=seconds) for pixels in adu]


def made(frames: Frames, camera: Camera | None = None, **stored: Image) -> dict[str, Master | Lacking]:
    found = list(masters_of(camera or without_overscan(), frames, 0, ["r_test"], stored))
    return {one.dataset_type if isinstance(one, Master) else "lacking": one for one in found}


def level(master: Master | Lacking) -> float:
    assert isinstance(master, Master)
    content = master.content
    assert isinstance(content, Image | MaskedImage)
    pixels = content.image.array if isinstance(content, MaskedImage) else content.array
    return float(np.median(pixels))


def test_without_overscan_the_biases_hold_the_offset() -> None:
    frames = Frames(bias=frames_of(5), dark=frames_of(3, 180.0, 60.0), flat=frames_of(3, 20_000.0, 2.0))
    masters = made(frames)
    assert list(masters) == ["bias", "dark", "flat"]
    assert level(masters["bias"]) == pytest.approx(OFFSET, abs=0.5)
    assert level(masters["dark"]) == pytest.approx(3.0, rel=0.02)
    assert level(masters["flat"]) == pytest.approx(1.0)


def test_without_biases_the_commonest_darks_hold_it(caplog: pytest.LogCaptureFixture) -> None:
    darks = [*frames_of(3, 90.0, 30.0), *frames_of(2, 180.0, 60.0)]
    masters = made(Frames(dark=darks, flat=frames_of(3, 20_000.0, 2.0)))
    assert list(masters) == ["bias", "flat"]
    assert level(masters["bias"]) == pytest.approx(OFFSET + 90.0 / GAIN, abs=0.5)
    assert "its 3 dark frames of 30 s serve as bias" in caplog.text


def test_flats_whose_zero_is_not_known_are_not_used(caplog: pytest.LogCaptureFixture) -> None:
    flats = frames_of(3, 20_000.0, 2.0)
    assert made(Frames(flat=flats)) == {}
    assert "its flats in r_test, whose zero is not known, are not used" in caplog.text
    stored = Image(np.full((NY, NX), OFFSET, dtype=np.float32))
    assert list(made(Frames(flat=flats), bias=stored)) == ["flat"]
    assert list(made(Frames(flat=_with_overscan(flats)), make_camera())) == ["flat"]


def _with_overscan(frames: Sequence[RawFrame]) -> list[RawFrame]:
    return [
        RawFrame(np.pad(frame.pixels, ((0, 0), (4, 32)), constant_values=int(OFFSET))) for frame in frames
    ]


def test_darks_that_cannot_be_used_are_done_without(caplog: pytest.LogCaptureFixture) -> None:
    frames = Frames(bias=frames_of(3), dark=SimulatorError("no dark frames of detector 0 can be read"))
    assert list(made(frames)) == ["bias"]
    assert "detector 0 is calibrated without dark: no dark frames of detector 0 can be read" in caplog.text


def test_biases_or_flats_that_cannot_be_used_are_lacking() -> None:
    error = SimulatorError("none can be read")
    assert made(Frames(bias=error)) == {
        "lacking": Lacking(detector=0, physical_filter=None, reason="none can be read")
    }
    masters = made(Frames(bias=frames_of(3), flat=error))
    assert masters["lacking"] == Lacking(detector=0, physical_filter="r_test", reason="none can be read")


def test_defects_that_are_listed_are_a_master() -> None:
    masters = made(Frames(known=DetectorCorrections(defects=(Box(3, 5, 7, 9),))))
    (defects,) = masters.values()
    assert isinstance(defects, Master)
    assert defects.content == {"boxes": [[3, 5, 7, 9]]}
