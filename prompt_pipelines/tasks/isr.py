"""From a raw to an image in electrons with variance, mask and sky projection."""

from typing import Any, cast, override

import astropy.units as u
import numpy as np
import numpy.typing as npt
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

from prompt_pipelines.assembly import Assembled, amplifier_map, assemble
from prompt_pipelines.camera import CameraDict, DetectorDict, find_detector
from prompt_pipelines.errors import UnusableImageError, WcsError
from prompt_pipelines.fields import flag, number
from prompt_pipelines.masks import image_schema
from prompt_pipelines.raw import RawFrame
from prompt_pipelines.wcs import Pointing, geometry_header, make_projection, sky_header

__all__ = ["IsrConfig", "IsrConnections", "IsrTask"]

Pixels = npt.NDArray[np.float32]


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
    )
    flat = PrerequisiteInput(
        doc="Response relative to the detector's median; NaN where a pixel cannot be used.",
        name="flat",
        storageClass="ImageV2",
        dimensions=("instrument", "detector", "physical_filter"),
        isCalibration=True,
    )
    post_isr_image = Output(
        doc="Calibrated image, electrons.",
        name="post_isr_image",
        storageClass="MaskedImageV2",
        dimensions=("instrument", "exposure", "detector"),
    )

    def __init__(self, *, config: "IsrConfig") -> None:
        if not config.do_bias:
            del self.bias
        if not config.do_flat:
            del self.flat


class IsrConfig(PipelineTaskConfig, pipelineConnections=IsrConnections):
    """Choices of `IsrTask`."""

    do_bias = flag("Subtract a master bias?", default=True)
    do_flat = flag("Divide by a master flat?", default=True)
    vignetted_response = number(
        "Pixels whose flat is below this fraction of the detector's median are masked as vignetted.",
        default=0.7,
        minimum=0.0,
        maximum=1.0,
    )


class IsrTask(PipelineTask):
    """Overscan, trim, bias, gain, variance, flat, mask and sky projection."""

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
            bias=inputs.get("bias"),
            flat=inputs.get("flat"),
        )
        butlerQC.put(outputs, outputRefs)

    def run(
        self,
        raw: RawFrame,
        camera: CameraDict,
        detector: int,
        exposure: DimensionRecord,
        *,
        bias: Image | None = None,
        flat: Image | None = None,
    ) -> Struct:
        """Calibrate one raw.

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
        bias
            Master bias, ADU.
        flat
            Response relative to the detector's median.

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
            or no pixel of the raw is a number.
        """
        description = find_detector(camera, detector)
        assembled = assemble(raw, description)
        pixels, variance = _calibrate(assembled, description, bias, flat)
        if not np.isfinite(assembled.pixels).any():
            raise UnusableImageError(f"no pixel of the raw of {description['name']} is a number")
        image = MaskedImage(
            Image(pixels, unit=u.electron),
            variance=Image(variance, unit=u.electron**2),
            mask_schema=image_schema(),
            sky_projection=self._projection(assembled.header, camera, description, detector, exposure),
            metadata=_describe(exposure, assembled),
        )
        self._mark(image, assembled, flat)
        return Struct(post_isr_image=image)

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
        try:
            if camera["wcs"] is not None:
                header = sky_header(raw_header, description, camera["wcs"]["projection"])
            else:
                header = geometry_header(camera, description, _pointing(exposure))
            return make_projection(header, frame)
        except WcsError as error:
            self.log.warning("No sky projection: %s", error)
            return None

    def _mark(self, image: MaskedImage, assembled: Assembled, flat: Image | None) -> None:
        no_data = ~np.isfinite(assembled.pixels)
        unusable = ~np.isfinite(image.image.array) & ~no_data
        image.mask.set("NO_DATA", no_data)
        image.mask.set("BAD", unusable)
        image.mask.set("SATURATED", assembled.saturated)
        if flat is not None:
            image.mask.set("VIGNETTED", flat.array < self.config.vignetted_response)
        # The image has numbers everywhere, so that no later sum is lost to one NaN.
        for plane, filling in ((image.image, 0.0), (image.variance, np.nan)):
            plane.array[no_data | unusable] = filling
        for name, pixels in (("saturated", assembled.saturated), ("bad", unusable), ("no_data", no_data)):
            self.metadata[f"{name}_pixels"] = int(np.count_nonzero(pixels))


def _calibrate(
    assembled: Assembled, description: DetectorDict, bias: Image | None, flat: Image | None
) -> tuple[Pixels, Pixels]:
    for name, calibration in (("bias", bias), ("flat", flat)):
        if calibration is not None and calibration.array.shape != assembled.pixels.shape:
            raise UnusableImageError(
                f"the {name} of {description['name']} has the shape {calibration.array.shape}, "
                f"the image {assembled.pixels.shape}"
            )
    pixels = assembled.pixels if bias is None else assembled.pixels - bias.array
    pixels = pixels * amplifier_map(description, "gain")
    # Poisson noise of what was collected; an empty pixel has no negative variance.
    variance = np.maximum(pixels, np.float32(0.0)) + amplifier_map(description, "read_noise") ** 2
    if flat is not None:
        pixels = pixels / flat.array
        variance = variance / flat.array**2
    return pixels, variance


def _pointing(exposure: DimensionRecord) -> Pointing:
    values = (exposure.tracking_ra, exposure.tracking_dec, exposure.sky_angle)
    if any(value is None for value in values):
        raise WcsError("the exposure's record does not tell where the camera looked")
    return Pointing(*values)


def _describe(exposure: DimensionRecord, assembled: Assembled) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "obs_id": exposure.obs_id,
        "exposure_time_s": float(exposure.exposure_time or 0.0),
        "physical_filter": exposure.physical_filter,
        "overscan_level_adu": float(np.mean(list(assembled.overscan_levels.values()))),
    }
    span = exposure.timespan
    if span is not None and span.begin is not None and span.end is not None:
        facts["mjd_mid_tai"] = float((span.begin + (span.end - span.begin) / 2.0).tai.mjd)
    return facts
