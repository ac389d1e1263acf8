"""The rules of the domain and their edge converters, without any server."""

import datetime
import json
import tempfile
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

import numpy as np
from astropy.io import fits

from adapters.files.cameras import load_camera
from adapters.files.healpix_map import read_healpix_map
from adapters.files.pipelines_config import parse_pipelines_config
from adapters.kafka.announcements.next_visit import NextVisitCodec
from adapters.kafka.notifications.notifications import decode_notification
from adapters.redis.queue.contents import digest
from adapters.redis.queue.fanned_out_visit import visit_to_fields
from benchmarks.report import measure, table
from benchmarks.services.announcements import encode_next_visit, visit_at
from domain.cameras.camera import Camera
from domain.cameras.focal_plane import corners_on_sky
from domain.pipelines import PipelinesConfig
from domain.raws.raws import Belongs, belongs, parse_raw_key
from domain.sky.pointing import VisitPointing
from domain.visit import Visit, VisitDetector
from simulator.servers.notifications import NewObject, ceph_notification

__all__ = ["main"]

_EXPOSURES = 20
_VISITS = 500
_NSIDE = 512
_DETECTOR = 94


def main() -> None:
    """Measure, and print the figures."""
    camera = load_camera("lsstcam")
    print(_notifications(camera))
    print(_announcement())
    print(_choice(camera))
    print(_footprints(camera))


def _notifications(camera: Camera) -> str:
    """Match what an LSSTCam exposure brings, 410 notifications, against one visit-detector."""
    work = VisitDetector(visit_at(0, 150.0, 2.0), _DETECTOR)
    now = datetime.datetime.now(datetime.UTC)
    messages = [
        ceph_notification(NewObject(bucket="images", key=key, size=1, etag="0" * 32, event="Put"), now)
        for key in _keys(camera)
    ]

    def match() -> None:
        found = 0
        for message in messages:
            for stored in decode_notification(message):
                key = parse_raw_key(camera, stored.key)
                found += key is not None and belongs(key, work) is Belongs.ASK_SIDECAR
        if found != _EXPOSURES:
            raise RuntimeError(f"{found} notifications concern the visit-detector, not {_EXPOSURES}")

    timing = measure(match, calls=len(messages))
    return table(
        f"notifications decoded and matched ({len(messages)} of LSSTCam, images and sidecars, one process)",
        ("", "a second, median", "best", "aim"),
        [("decode, read the key, compare", f"{1 / timing.median:,.0f}", f"{1 / timing.best:,.0f}", "10,000")],
    )


def _keys(camera: Camera) -> Sequence[str]:
    stems = [
        f"LSSTCam/20260313/MC_O_20260313_{number:06d}/MC_O_20260313_{number:06d}_{detector.name}"
        for number in range(1, _EXPOSURES + 1)
        for detector in camera.detectors
    ]
    return [stem + extension for stem in stems for extension in (".json", ".fits")]


def _announcement() -> str:
    schema = (files("simulator") / "schemas" / "next_visit.avsc").read_text()
    message = encode_next_visit(visit_at(0, 150.0, 2.0), json.loads(schema), 7)
    codec = NextVisitCodec(lambda _: schema)

    def fan_out() -> None:
        visit = codec.decode(message)
        if not (isinstance(visit, Visit) and digest(visit) and visit_to_fields(visit)):
            raise RuntimeError("the announcement was not understood")

    timing = measure(fan_out)
    return table(
        "one nextVisit",
        ("", "ms, median", "best", "aim"),
        [
            (
                "decoded from Avro, compared, written out for the queue",
                f"{timing.median * 1e3:.2f}",
                f"{timing.best * 1e3:.2f}",
                "5",
            )
        ],
    )


def _choice(camera: Camera) -> str:
    """Choose for visits all over the sky; each is looked at for the first time, as in a night."""
    sky = np.random.default_rng(1).uniform((0, -75), (360, 15), size=(_VISITS, 2))
    visits = [visit_at(number, float(ra), float(dec)) for number, (ra, dec) in enumerate(sky)]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, nodes, aim in _configurations(Path(folder)):
            config = parse_pipelines_config(json.dumps(nodes), "benchmark", {}, read_healpix_map)
            timing = measure(_chooser(camera, config, visits), calls=_VISITS)
            rows.append((name, f"{timing.median * 1e6:.1f}", f"{timing.best * 1e6:.1f}", aim))
    return table(
        "a pipeline chosen (LSSTCam, the detector's centre)", ("", "us, median", "best", "aim"), rows
    )


def _chooser(camera: Camera, config: PipelinesConfig, visits: Sequence[Visit]) -> Callable[[], None]:
    def choose() -> None:
        for visit in visits:
            config.choose(visit.survey, VisitPointing(camera, VisitDetector(visit, _DETECTOR)))

    return choose


def _configurations(folder: Path) -> list[tuple[str, list[dict[str, object]], str]]:
    """Give nodes as a survey's configuration has them; a visit falls through most of them."""
    surveys: list[dict[str, object]] = [
        {"survey": f"BLOCK-{number}", "pipelines": ["Isr.yaml"]} for number in range(5)
    ]
    box: dict[str, object] = {
        "survey": "BLOCK-407",
        "ra": {"min": 340, "max": 20},
        "dec": {"min": -30, "max": 5},
        "pipelines": ["ApPipe.yaml", "Isr.yaml"],
    }
    rest: dict[str, object] = {"pipelines": ["SingleFrame.yaml"]}
    found = [
        ("6 nodes, by survey", [*surveys, rest], "20"),
        ("7 nodes, one with a box", [*surveys, box, rest], "20"),
    ]
    for ordering, frame in (("RING", "G"), ("NESTED", "C")):
        path = folder / f"{ordering}.fits"
        _write_mask(path, ordering, frame)
        node = {**box, "ra": {"min": 0, "max": 360}, "dec": {"min": -90, "max": 90}, "binary-map": str(path)}
        name = f"7 nodes, one with a mask ({ordering}, COORDSYS {frame}, NSIDE {_NSIDE})"
        found.append((name, [*surveys, node, rest], "200"))
    return found


def _write_mask(path: Path, ordering: str, frame: str) -> None:
    values = np.random.default_rng(1).integers(0, 2, size=12 * _NSIDE**2, dtype=np.uint8)
    hdu = fits.BinTableHDU.from_columns([fits.Column("MASK", "B", array=values)])
    hdu.header.update({"PIXTYPE": "HEALPIX", "ORDERING": ordering, "NSIDE": _NSIDE, "COORDSYS": frame})
    hdu.writeto(path)


def _footprints(camera: Camera) -> str:
    rows = []
    for name, padding in (("without padding", 0.0), ("padded by 30 arcsec", 30.0)):
        timing = measure(lambda: corners_on_sky(camera, 359.9, -89.0, 41.5, padding=padding))  # noqa: B023 - called at once
        rows.append((name, f"{timing.median * 1e3:.2f}", f"{timing.best * 1e3:.2f}", "a few"))
    return table(
        f"all {len(camera.detectors)} footprints of a pointing of LSSTCam",
        ("", "ms, median", "best", "aim"),
        rows,
    )


if __name__ == "__main__":
    main()
