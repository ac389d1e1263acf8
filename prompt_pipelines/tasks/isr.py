"""From a raw to an image in electrons with variance, mask and sky projection."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast, override

import astropy.units as u
import numpy as np
from astropy.io import fits
from lsst.daf.butler import DimensionRecord
from lsst.images import Box, DetectorFrame, Image, MaskedImage, SkyProjection
from lsst.pipe.base import (
    InputQuantizedConnection,
    OutputQuantizedConnection,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    QuantumContext,
    Struct,
)
from lsst.pipe.base.connectionTypes import Input, Output, PrerequisiteInput

from prompt_pipelines.assembly import Assembled, assemble
from prompt_pipelines.camera import CameraDict, DetectorDict, find_detector
from prompt_pipelines.corrections import CALIBRATIONS, Masters, correct
from prompt_pipelines.errors import UnusableImageError, WcsError
from prompt_pipelines.fields import flag, number
from prompt_pipelines.fits_approximation import with_fits_approximation
from prompt_pipelines.interpolation import fill_in
from prompt_pipelines.masks import image_schema
from prompt_pipelines.raw import RawFrame
from prompt_pipelines.star_match import POINTING_ERROR
from prompt_pipelines.wcs import Pointing, geometry_header, make_projection, sky_header

__all__ = ["IsrConfig", "IsrConnections", "IsrTask"]


class IsrConnections(PipelineTaskConnections, dimensions=("instrument", "exposure", "detector")):
    """What `IsrTask` reads and writes."""

    raw = Input(
        doc="Pixels and header as the camera wrote them.",
        name="raw",
        storageClass="RawFrame",
        dimensions=("instrument", "exposure", "detector"),
    )
    camera = PrerequisiteInput(
        doc="Geometry and electronics of the camera.",
        name="camera",
        storageClass="StructuredDataDict",
        dimensions=("instrument",),
        isCalibration=True,
    )
    bias = PrerequisiteInput(
        doc="Master bias, ADU; NaN where a pixel cannot be used.",
        name="bias",
        storageClass="ImageV2",
        dimensions=("instrument", "detector"),
        isCalibration=True,
        minimum=0,
    )
    dark = PrerequisiteInput(
        doc="Dark current and its variance, electrons per second; NaN where a pixel cannot be used.",
        name="dark",
        storageClass="MaskedImageV2",
        dimensions=("instrument", "detector"),
        isCalibration=True,
        minimum=0,
    )
    flat = PrerequisiteInput(
        doc="Response relative to the detector's median; NaN where a pixel cannot be used.",
        name="flat",
        storageClass="ImageV2",
        dimensions=("instrument", "detector", "physical_filter"),
        isCalibration=True,
        minimum=0,
    )
    defects = PrerequisiteInput(
        doc="Boxes of pixels of no use.",
        name="defects",
        storageClass="StructuredDataDict",
        dimensions=("instrument", "detector"),
        isCalibration=True,
        minimum=0,
    )
    linearity = PrerequisiteInput(
        doc="How the signals of amplifiers are straightened.",
        name="linearity",
        storageClass="StructuredDataDict",
        dimensions=("instrument", "detector"),
        isCalibration=True,
        minimum=0,
    )
    crosstalk = PrerequisiteInput(
        doc="How much of each amplifier's signal appears in each other one's.",
        name="crosstalk",
        storageClass="StructuredDataDict",
        dimensions=("instrument", "detector"),
        isCalibration=True,
        minimum=0,
    )
    post_isr_image = Output(
        doc="Calibrated image, electrons.",
        name="post_isr_image",
        storageClass="MaskedImageV2",
        dimensions=("instrument", "exposure", "detector"),
    )

    def __init__(self, *, config: "IsrConfig") -> None:
        for name in CALIBRATIONS:
            if not getattr(config, f"do_{name}"):
                delattr(self, name)


class IsrConfig(PipelineTaskConfig, pipelineConnections=IsrConnections):
    """Choices of `IsrTask`."""

    do_bias = flag("Subtract the master bias, if there is one?", default=True)
    do_dark = flag("Subtract the master dark, if there is one?", default=True)
    do_flat = flag("Divide by the master flat, if there is one?", default=True)
    do_defects = flag("Mask the pixels that are listed as of no use, if any are?", default=True)
    do_linearity = flag("Straighten the signals of amplifiers, if it is known how?", default=True)
    do_crosstalk = flag("Take out crosstalk between amplifiers, if it is known?", default=True)
    vignetted_response = number(
        "Pixels whose flat is below this fraction of the detector's median are masked as vignetted.",
        default=0.7,
        minimum=0.0,
        maximum=1.0,
    )


class IsrTask(PipelineTask):
    """Overscan, trim, bias, linearity, crosstalk, gain, variance, dark, flat, mask, sky projection."""

    ConfigClass = IsrConfig
    _DefaultName = "isr"
    config: IsrConfig

    @override
    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Read, run, write."""
        inputs = butlerQC.get(inputRefs)
        record = cast(DimensionRecord, inputRefs.raw.dataId.records["exposure"])
        outputs = self.run(
            inputs["raw"],
            inputs["camera"],
            inputRefs.raw.dataId["detector"],
            record,
            **{name: inputs[name] for name in CALIBRATIONS if name in inputs},
        )
        butlerQC.put(outputs, outputRefs)

    def run(
        self,
        raw: RawFrame,
        camera: CameraDict,
        detector: int,
        exposure: DimensionRecord,
        **known: Image | MaskedImage | Mapping[str, Any],
    ) -> Struct:
        """Calibrate one raw with what masters there are; those that are missed are named in a warning.

        Parameters
        ----------
        raw
            The raw frame.
        camera
            The ``camera`` dataset.
        detector
            Its number.
        exposure
            The exposure's record: pointing, rotation, times.
        **known
            Masters, by the names of `prompt_pipelines.corrections.Masters`.

        Returns
        -------
        outputs
            ``post_isr_image``: electrons. Its projection is missing (and a
            warning logged) if neither the header nor the record tells where
            the camera looked.

        Raises
        ------
        UnusableImageError
            Raised if the sizes of raw and calibrations do not fit together,
            if no amplifier is of use, or every pixel of the raw is saturated or no number.
        """
        description = find_detector(camera, detector)
        assembled = assemble(raw, description)
        if assembled.unread:
            self.log.warning(
                "%s of %s has no data of amplifier %s", exposure.obs_id, description["name"], assembled.unread
            )
        masters = Masters(**cast(dict[str, Any], known)).of_use(camera)
        pixels, variance = correct(
            assembled, assembled.detector, masters, float(exposure.exposure_time or 0.0)
        )
        if not np.isfinite(assembled.pixels).any():
            raise UnusableImageError(f"no pixel of the raw of {description['name']} is a number")
        if assembled.saturated.all():
            raise UnusableImageError(f"every pixel of the raw of {description['name']} is saturated")
        image = MaskedImage(
            Image(pixels, unit=u.electron),
            variance=Image(variance, unit=u.electron**2),
            mask_schema=image_schema(),
            sky_projection=self._projection(assembled.header, camera, assembled.detector, detector, exposure),
            metadata=_describe(exposure, assembled, camera)
            | self._calibrations(masters, camera, exposure, description),
        )
        self._mark(image, assembled, masters.flat)
        return Struct(post_isr_image=image)

    def _calibrations(
        self, masters: Masters, camera: CameraDict, exposure: DimensionRecord, description: DetectorDict
    ) -> dict[str, str]:
        """Say which masters were applied and which are missed, the latter in a warning too."""
        missing = masters.missing(camera)
        if missing:
            self.log.warning(
                "%s of %s is processed without %s: there is none for its time, detector and filter",
                exposure.obs_id,
                description["name"],
                " and ".join(missing),
            )
        told = {"calibrations": " ".join(masters.names), "calibrations_missing": " ".join(missing)}
        for name, text in told.items():
            self.metadata[name] = text
        return told

    def _projection(
        self,
        raw_header: fits.Header,
        camera: CameraDict,
        description: DetectorDict,
        detector: int,
        exposure: DimensionRecord,
    ) -> SkyProjection[DetectorFrame] | None:
        frame = DetectorFrame(
            instrument=camera["instrument"],
            detector=detector,
            bbox=Box.from_shape((description["ny"], description["nx"])),
        )
        faults = []
        for make_header in self._headers(raw_header, camera, description, exposure):
            try:
                return with_fits_approximation(make_projection(make_header(), frame))
            except WcsError as error:
                faults.append(str(error))
        self.log.warning("No sky projection: %s", "; ".join(faults))
        return None

    @staticmethod
    def _headers(
        raw_header: fits.Header, camera: CameraDict, description: DetectorDict, exposure: DimensionRecord
    ) -> Iterator[Callable[[], fits.Header]]:
        """List the ways to a projection, the best first."""
        if (wcs := camera["wcs"]) is not None:
            yield lambda: sky_header(raw_header, description, wcs["projection"])
        # Roughly right is enough, if the field is recognized by its stars.
        if wcs is None or camera.get("pointing_error_deg"):
            yield lambda: geometry_header(camera, description, _pointing(exposure))

    def _mark(self, image: MaskedImage, assembled: Assembled, flat: Image | None) -> None:
        no_data = ~np.isfinite(assembled.pixels)
        unusable = ~np.isfinite(image.image.array) & ~no_data
        image.mask.set("NO_DATA", no_data)
        image.mask.set("BAD", unusable)
        image.mask.set("SATURATED", assembled.saturated)
        if flat is not None:
            image.mask.set("VIGNETTED", flat.array < self.config.vignetted_response)
        filled = fill_in(image.image.array, image.variance.array, unusable)
        image.mask.set("INTERPOLATED", filled)
        self.metadata["interpolated_pixels"] = int(np.count_nonzero(filled))
        # The image has numbers everywhere, so that no later sum is lost to one NaN.
        for plane, filling in ((image.image, 0.0), (image.variance, np.nan)):
            plane.array[no_data | (unusable & ~filled)] = filling
        for name, pixels in (("saturated", assembled.saturated), ("bad", unusable), ("no_data", no_data)):
            self.metadata[f"{name}_pixels"] = int(np.count_nonzero(pixels))


def _pointing(exposure: DimensionRecord) -> Pointing:
    values = (exposure.tracking_ra, exposure.tracking_dec, exposure.sky_angle)
    if any(value is None for value in values):
        raise WcsError("the exposure's record does not tell where the camera looked")
    return Pointing(*values)


def _describe(exposure: DimensionRecord, assembled: Assembled, camera: CameraDict) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "obs_id": exposure.obs_id,
        "exposure_time_s": float(exposure.exposure_time or 0.0),
        "physical_filter": exposure.physical_filter,
        "overscan_level_adu": float(np.nanmean(list(assembled.overscan_levels.values()))),
    }
    if error := camera.get("pointing_error_deg"):
        facts[POINTING_ERROR] = error
    span = exposure.timespan
    if span is not None and span.begin is not None and span.end is not None:
        facts["mjd_mid_tai"] = float((span.begin + (span.end - span.begin) / 2.0).tai.mjd)
    return facts
