"""Raws as a camera writes them: images, headers and keys, in the layout that its file describes."""

import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from astropy.io import fits
from attrs import frozen

from domain.cameras.camera import Amplifier, AmplifierCards, Box, Camera, Detector
from domain.raws.exposure import Exposure
from domain.raws.raws import make_raw_key, parse_raw_keys, sidecar_key
from simulator.errors import SimulatorError
from simulator.summit.night import RawObject
from simulator.world.cards import CardValue, header_cards
from simulator.world.sensors import Planes

__all__ = ["Taken", "raw_objects"]

_PLAIN: Final = ".fits"
_COMPRESSED: Final = ".fits.fz"


@frozen(kw_only=True)
class Taken:
    """One detector's part of an exposure."""

    exposure: Exposure
    planes: Planes


def raw_objects(camera: Camera, taken: Iterable[Taken]) -> Iterator[RawObject]:
    """Write an exposure: an object for each detector, or one of all.

    Images of detectors whose amplifiers are in several HDUs are tile-compressed, as LSST's.

    Raises
    ------
    SimulatorError
        Raised if the camera's HDUs have numbers instead of names.
    UnnameableRawError
        Raised if its keys cannot name the exposure.
    """
    if camera.raw_keys.scheme.names_detector:
        for one in taken:
            yield _raw_object(camera, [one])
    else:
        yield _raw_object(camera, list(taken))


def _raw_object(camera: Camera, taken: Sequence[Taken]) -> RawObject:
    compressed = any(len(one.planes) > 1 for one in taken)
    key = make_raw_key(camera, taken[0].exposure, extension=_COMPRESSED if compressed else _PLAIN)
    cards = [header_cards(camera, one.exposure) for one in taken]
    common = {
        name: value for name, value in cards[0].items() if all(each.get(name) == value for each in cards)
    }
    hdus: list[fits.ImageHDU] = []
    for one, its in zip(taken, cards, strict=True):
        own = {name: value for name, value in its.items() if name not in common}
        hdus += _images(camera.detector(one.exposure.detector), one.planes, own, compressed=compressed)
    if None not in taken[0].planes:
        hdus.insert(0, fits.PrimaryHDU())
    hdus[0].header.update(common)
    file = io.BytesIO()
    fits.HDUList(hdus).writeto(file)
    sidecar = sidecar_key(parse_raw_keys(camera, key)[0])
    return RawObject(
        detectors=tuple(one.exposure.detector for one in taken),
        key=key,
        body=file.getvalue(),
        sidecar_key=sidecar,
        sidecar=json.dumps(common).encode(),
    )


def _images(
    detector: Detector, planes: Planes, own: Mapping[str, CardValue], *, compressed: bool
) -> list[fits.ImageHDU]:
    images = []
    for hdu, pixels in planes.items():
        if hdu is None:
            images.append(fits.PrimaryHDU(pixels))
        elif isinstance(hdu, int):
            raise SimulatorError(f"{detector.name}: a simulated file has HDUs by name, not by number ({hdu})")
        else:
            images.append((fits.CompImageHDU if compressed else fits.ImageHDU)(pixels))
        header = images[-1].header
        header["BUNIT"] = "adu"
        if isinstance(hdu, str):
            header["EXTNAME"] = hdu
        header.update(own)
        if detector.type is not None and detector.type.amplifier_cards is not None:
            for amplifier in detector.type.amplifiers:
                if detector.hdu_of(amplifier) == hdu:
                    header.update(
                        _amplifier_cards(detector.type.amplifier_cards, amplifier, detector.type.ny)
                    )
    return images


def _amplifier_cards(cards: AmplifierCards, amplifier: Amplifier, rows: int) -> dict[str, CardValue]:
    """Write what the camera's rules read of an amplifier."""
    x_first, x_last, y_first, y_last = (
        amplifier.image.x_min + 1,
        amplifier.image.x_max,
        amplifier.image.y_min + 1,
        amplifier.image.y_max,
    )
    if cards.image_from_top:
        y_first, y_last = rows + 1 - y_first, rows + 1 - y_last
    x = (x_last, x_first) if amplifier.flip_x else (x_first, x_last)
    y = (y_last, y_first) if amplifier.flip_y else (y_first, y_last)
    said: dict[str, tuple[Sequence[str], CardValue | None]] = {
        "data": (cards.data, _section(amplifier.data)),
        "overscan": (cards.overscan, _section(amplifier.overscan)),
        "parallel_overscan": (cards.parallel_overscan, _section(amplifier.parallel_overscan)),
        "image": (cards.image, f"[{x[0]}:{x[1]},{y[0]}:{y[1]}]"),
        "gain": (cards.gain, amplifier.gain),
        "read_noise": (cards.read_noise, amplifier.read_noise),
        "saturation": (cards.saturation, amplifier.saturation),
    }
    return {
        names[0].replace("{amplifier}", amplifier.name): value
        for names, value in said.values()
        if names and value is not None
    }


def _section(box: Box | None) -> str | None:
    return None if box is None else f"[{box.x_min + 1}:{box.x_max},{box.y_min + 1}:{box.y_max}]"
