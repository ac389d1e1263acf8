"""Raw frames of the simulated sky, with the truth about them."""

import numpy as np
from attrs import field, frozen

from domain.cameras.camera import Camera
from simulator.world.arrays import Bools, Counts, Floats
from simulator.world.cosmic_rays import cosmic_rays
from simulator.world.optics import Pointing, pixel_scale, pixels_of
from simulator.world.photometry import SKY_MAGNITUDE, electrons_per_second, flux_from_magnitude
from simulator.world.sensors import Planes, Sensor, make_sensor, read_out
from simulator.world.sky import PointSources
from simulator.world.stamps import add_point_sources, effective_area

__all__ = ["Frame", "SimulatedCamera", "SourceTruth"]

_BIAS, _FLAT, _SCIENCE, _DARK = 2, 3, 4, 5  # beside the streams of random numbers of sky and sensors
_FLAT_ELECTRONS = 40_000.0  # in a pixel: bright, and well below saturation
_SMALLEST_FWHM = 2.0  # pixels, where a camera's pixels are larger than the seeing: its optics' part


@frozen(kw_only=True, eq=False)
class SourceTruth:
    """The sources on one detector: columns of equal length."""

    sources: PointSources
    x: Floats
    """Pixels of the trimmed frame, the first one's centre at 0."""
    y: Floats
    """Pixels."""
    electrons: Floats
    """In all, before the sensor's response."""
    change: Floats
    """Electrons more (or fewer) than in a quiet sky."""
    signal_to_noise: Floats
    """Of the change, for whoever knows the profile and has a template without noise."""


@frozen(kw_only=True, eq=False)
class Frame:
    """One detector's raw pixels and what is true of them."""

    planes: Planes
    """Overscan included."""
    sources: SourceTruth
    cosmic_rays: Bools
    """Pixels hit, trimmed frame."""
    sky: float
    """Electrons in a pixel, before the sensor's response."""

    @property
    def pixels(self) -> Counts:
        """The one image of a raw that has no more."""
        (pixels,) = self.planes.values()
        return pixels


@frozen(kw_only=True)
class SimulatedCamera:
    """A camera that takes pictures of a simulated sky.

    Every frame has a number, of which its noise is made: the same kind and
    number give the same frame.
    """

    camera: Camera
    seed: int
    dark_current: float = 0.0
    """Electrons per second, of most pixels; some are hot."""
    seeing: float = 0.8
    """Arcseconds, full width at half maximum."""
    transparency: float = 1.0
    """Share of the light of stars that clouds let through."""
    _sensors: dict[int, Sensor] = field(factory=dict, init=False, repr=False)

    def sensor(self, detector: int) -> Sensor:
        """Return a detector with its faults.

        Raises
        ------
        UnknownDetectorError
            Raised if the camera has none such.
        SimulatorError
            Raised if the camera does not describe it well enough.
        """
        if detector not in self._sensors:
            self._sensors[detector] = make_sensor(
                self.camera, self.camera.detector(detector), seed=self.seed, dark_current=self.dark_current
            )
        return self._sensors[detector]

    def bias(self, detector: int, number: int) -> Planes:
        """Take a bias frame."""
        sensor = self.sensor(detector)
        return read_out(sensor, np.zeros(sensor.response.shape), self._generator(_BIAS, detector, number))

    def dark(self, detector: int, number: int, exposure_time: float) -> Planes:
        """Take a dark frame of an exposure time in seconds."""
        sensor = self.sensor(detector)
        generator = self._generator(_DARK, detector, number)
        collected = generator.poisson(exposure_time * sensor.dark_current).astype(np.float64)
        rays = cosmic_rays(
            generator, collected.shape, exposure_time=exposure_time, pixel_size=sensor.type.pixel_size
        )
        return read_out(sensor, collected + rays, generator)

    def flat(self, detector: int, number: int) -> Planes:
        """Take a flat field: even light, the same in every filter."""
        sensor = self.sensor(detector)
        generator = self._generator(_FLAT, detector, number)
        return read_out(
            sensor, generator.poisson(_FLAT_ELECTRONS * sensor.response).astype(np.float64), generator
        )

    def science(
        self,
        detector: int,
        number: int,
        *,
        pointing: Pointing,
        sources: PointSources,
        exposure_time: float,
    ) -> Frame:
        """Take an exposure of the sky.

        Parameters
        ----------
        detector, number
            Which detector, and the frame's number.
        pointing
            Where the camera looks.
        sources
            What is there.
        exposure_time
            Seconds.
        """
        sensor = self.sensor(detector)
        generator = self._generator(_SCIENCE, detector, number)
        scale = pixel_scale(self.camera, sensor.detector)
        x, y = pixels_of(self.camera, sensor.detector, pointing, sources.ra, sources.dec)
        electrons, quiet = (
            self.transparency * exposure_time * electrons_per_second(flux)
            for flux in (sources.flux, sources.quiet)
        )
        sky = exposure_time * scale**2 * float(electrons_per_second(flux_from_magnitude(SKY_MAGNITUDE)))
        light = np.full(sensor.response.shape, sky)
        fwhm = max(self.seeing / scale, _SMALLEST_FWHM)
        add_point_sources(light, x, y, electrons, fwhm=fwhm)
        collected = generator.poisson(light * sensor.response + exposure_time * sensor.dark_current).astype(
            np.float64
        )
        rays = cosmic_rays(
            generator, light.shape, exposure_time=exposure_time, pixel_size=sensor.type.pixel_size
        )
        on = (x > -0.5) & (x < sensor.type.nx - 0.5) & (y > -0.5) & (y < sensor.type.ny - 0.5)
        noise = np.sqrt(electrons + effective_area(fwhm) * (sky + _read_noise(sensor) ** 2))
        truth = SourceTruth(
            sources=sources.where(on),
            x=x[on],
            y=y[on],
            electrons=electrons[on],
            change=(electrons - quiet)[on],
            signal_to_noise=((electrons - quiet) / noise)[on],
        )
        planes = read_out(sensor, collected + rays, generator)
        return Frame(planes=planes, sources=truth, cosmic_rays=rays > 0, sky=sky)

    def _generator(self, kind: int, detector: int, number: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, kind, detector, number])


def _read_noise(sensor: Sensor) -> float:
    return float(np.mean([amplifier.read_noise for amplifier in sensor.type.amplifiers]))
