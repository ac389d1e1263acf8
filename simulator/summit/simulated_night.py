"""Raws and calibration frames of a simulated night."""

from collections.abc import Iterator, Sequence

from astropy.table import Table
from attrs import evolve

from domain.cameras.corrections import DetectorCorrections
from domain.cameras.detectors import Hdu
from domain.raws.exposure import Exposure
from domain.raws.exposure_ids import ObservationId, exposure_id
from domain.times import TaiSeconds, day_obs_of, utc_from_tai
from prompt_pipelines.raw import RawFrame
from raw_files.images import ImageHdu
from simulator.errors import SimulatorError
from simulator.summit.night import PlannedVisit, RawObject
from simulator.summit.raw_objects import Taken, raw_objects
from simulator.world.arrays import Counts
from simulator.world.frames import SimulatedCamera
from simulator.world.optics import Pointing
from simulator.world.sensors import Planes
from simulator.world.sky import PointSources, Sky
from simulator.world.truth import join_truth, truth_of

__all__ = ["SimulatedNight"]

_CALIBRATION_FRAMES = 5
_DARK_TIME = 60.0  # seconds


class SimulatedNight:
    """A camera and a sky as the source of a night's raws, and of the calibrations for them.

    Parameters
    ----------
    camera
        What takes the pictures.
    sky
        Of what.
    visits
        All that will be asked for: exposures are numbered in their order.
    """

    def __init__(self, camera: SimulatedCamera, sky: Sky, visits: Sequence[PlannedVisit]) -> None:
        self._camera = camera
        self._sky = sky
        snaps = [(visit.group, snap) for visit in visits for snap in range(visit.snaps)]
        self._truth: list[Table] = []
        self._numbers = {snap: number for number, snap in enumerate(snaps, start=1)}

    def take(
        self, visit: PlannedVisit, snap: int, opened: TaiSeconds, closed: TaiSeconds
    ) -> Iterator[RawObject]:
        """Take one exposure with all the visit's detectors.

        Raises
        ------
        SimulatorError
            Raised if the visit has no position, or is none of the night's.
        """
        camera = self._camera.camera
        if visit.ra is None or visit.dec is None or visit.sky_angle is None:
            raise SimulatorError(f"visit {visit.group} cannot be simulated without position and rotation")
        pointing = Pointing(ra=visit.ra, dec=visit.dec, sky_angle=visit.sky_angle)
        middle = TaiSeconds((opened + closed) / 2)
        sources = self._sky.sources(camera.filters[visit.physical_filter], middle)
        return raw_objects(camera, self._taken(visit, snap, pointing, sources, opened=opened, closed=closed))

    def _taken(
        self,
        visit: PlannedVisit,
        snap: int,
        pointing: Pointing,
        sources: PointSources,
        *,
        opened: TaiSeconds,
        closed: TaiSeconds,
    ) -> Iterator[Taken]:
        for detector in visit.detectors:
            exposure = self._exposure(visit, snap, detector, opened=opened, closed=closed)
            frame = self._camera.science(
                detector,
                exposure.seqnum,
                pointing=pointing,
                sources=sources,
                exposure_time=visit.exposure_time,
            )
            self._truth.append(truth_of(exposure, frame))
            yield Taken(exposure=exposure, planes=frame.planes)

    def biases(self, detector: int) -> list[RawFrame]:
        """Take bias frames."""
        return [_raw_frame(self._camera.bias(detector, number)) for number in range(_CALIBRATION_FRAMES)]

    def darks(self, detector: int) -> list[RawFrame]:
        """Take dark frames, if the camera has any dark current."""
        if not self._camera.dark_current:
            return []
        return [
            evolve(_raw_frame(self._camera.dark(detector, number, _DARK_TIME)), exposure_time=_DARK_TIME)
            for number in range(_CALIBRATION_FRAMES)
        ]

    def flats(self, detector: int, physical_filter: str) -> list[RawFrame]:  # noqa: ARG002 - all filters are alike
        """Take flat fields."""
        return [_raw_frame(self._camera.flat(detector, number)) for number in range(_CALIBRATION_FRAMES)]

    def corrections(self, detector: int) -> DetectorCorrections:  # noqa: ARG002 - nobody needs to know anything
        """Return nothing: signals are straight and apart."""
        return DetectorCorrections()

    def truth(self) -> Table:
        """List what is true of all raws taken so far; columns as in `simulator.world.truth.truth_of`."""
        return join_truth(self._truth)

    def _exposure(
        self, visit: PlannedVisit, snap: int, detector: int, *, opened: TaiSeconds, closed: TaiSeconds
    ) -> Exposure:
        camera = self._camera.camera
        day_obs = int(f"{day_obs_of(utc_from_tai(opened)):%Y%m%d}")
        try:
            seqnum = self._numbers[visit.group, snap]
        except KeyError:
            raise SimulatorError(f"snap {snap} of visit {visit.group} is none of this night") from None
        observation = ObservationId(
            abbreviation=camera.raw_keys.abbreviation or camera.instrument,
            controller="O",
            day_obs=day_obs,
            seqnum=seqnum,
        )
        return Exposure(
            instrument=camera.instrument,
            detector=detector,
            exposure=exposure_id(day_obs, seqnum),
            obs_id=str(observation),
            group=visit.group,
            snap=snap,
            day_obs=day_obs,
            seqnum=seqnum,
            physical_filter=visit.physical_filter,
            exposure_time=visit.exposure_time,
            begin=opened,
            end=closed,
            ra=visit.ra,
            dec=visit.dec,
            sky_angle=visit.sky_angle,
        )


def _raw_frame(planes: Planes) -> RawFrame:
    """Put a raw's images together as they are read from its file."""
    first, *others = (
        RawFrame(pixels, hdu=None if hdu is None else _image(hdu, pixels)) for hdu, pixels in planes.items()
    )
    return evolve(first, others=tuple(others))


def _image(hdu: Hdu, pixels: Counts) -> ImageHdu:
    rows, columns = pixels.shape
    name, number = (hdu, 0) if isinstance(hdu, str) else ("", hdu)
    return ImageHdu(label=f"HDU {hdu}", name=name, shape=(rows, columns), bits=16, number=number)
