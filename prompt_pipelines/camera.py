"""The ``camera`` dataset: one camera's geometry and electronics as a plain dictionary.

It is stored with stock storage class and formatter (JSON), so that anybody can
read it. Boxes are ``[x_min, x_max, y_min, y_max]``, counted from 0, the upper
ends excluded.
"""

from typing import NotRequired, TypedDict

from prompt_pipelines.errors import CameraDescriptionError

__all__ = [
    "AmplifierCardsDict",
    "AmplifierDict",
    "CameraDict",
    "DetectorDict",
    "FocalPlaneDict",
    "ObservatoryDict",
    "WcsDict",
    "find_detector",
]


class AmplifierDict(TypedDict):
    """One readout of a detector."""

    name: str
    data: list[int]
    """Box of the light-sensitive pixels, raw frame."""
    overscan: list[int]
    """Box of the serial overscan, raw frame; without area if there is none."""
    image: list[int]
    """Box where `data` goes in the trimmed frame."""
    gain: float
    """Electrons per ADU."""
    read_noise: float
    """Electrons."""
    saturation: float
    """ADU, before overscan subtraction."""
    hdu: NotRequired[str | int]
    """Name or number of the HDU whose frame the boxes are of; if absent, the one image of the detector's
    size is meant."""
    parallel_overscan: NotRequired[list[int]]
    prescan: NotRequired[list[int]]
    parallel_prescan: NotRequired[list[int]]
    flip_x: NotRequired[bool]
    """Whether `data` is turned left to right before it goes to `image`."""
    flip_y: NotRequired[bool]
    """Whether it is turned upside down."""


class AmplifierCardsDict(TypedDict, total=False):
    """Cards of an amplifier's image that replace what stands in its `AmplifierDict`.

    The first that is there counts; ``{amplifier}`` is the amplifier's name.
    """

    data: list[str]
    overscan: list[str]
    parallel_overscan: list[str]
    image: list[str]
    """Sections whose bounds fall turn `data`; they are counted from the least bounds of all amplifiers."""
    image_from_top: bool
    """Whether rows of `image` are counted from the last one down."""
    gain: list[str]
    read_noise: list[str]
    saturation: list[str]


class DetectorDict(TypedDict):
    """One sensor."""

    name: str
    nx: int
    """Columns after trimming."""
    ny: int
    """Rows after trimming."""
    pixel_size_um: float
    """Micrometres, binning included."""
    x_mm: float
    """Of the centre, on the focal plane."""
    y_mm: float
    """Of the centre, on the focal plane."""
    yaw_deg: float
    """From focal-plane x to detector x, anticlockwise."""
    amplifiers: list[AmplifierDict]
    amplifier_cards: NotRequired[AmplifierCardsDict]
    """Where the raws' own cards say more of the amplifiers."""
    purpose: NotRequired[str]
    """``SCIENCE`` (if absent), ``GUIDE`` or ``WAVEFRONT``."""


class FocalPlaneDict(TypedDict):
    """How millimetres on the focal plane become angles."""

    plate_scale_arcsec_per_mm: float
    radial_distortion: list[float]
    """Coefficients in powers of the radius (mm), applied before the scale."""
    x_is_east: bool
    """At rotation 0 +Y points north and +X west; true for a flipped camera."""


class WcsDict(TypedDict):
    """How to read the sky WCS in the camera's raw headers."""

    projection: str | None
    """Replaces the projection in CTYPE; None keeps it."""


class ObservatoryDict(TypedDict):
    """Where the telescope stands."""

    longitude_deg: float
    """East is positive."""
    latitude_deg: float
    """Geodetic."""
    height_m: float
    """Above the ellipsoid."""


class CameraDict(TypedDict):
    """One camera."""

    instrument: str
    detectors: dict[str, DetectorDict]
    """By detector number, as text because JSON has no other keys."""
    focal_plane: FocalPlaneDict | None
    wcs: WcsDict | None
    """None: the WCS follows from pointing, rotation and geometry."""
    filters: dict[str, str]
    """From physical filter to band."""
    calibrations: NotRequired[list[str] | None]
    """Dataset types that its images are calibrated with: others are not used, and of these
    the absent ones are missed. If None: whatever is there, and bias and flat are missed."""
    pointing_error_deg: NotRequired[float]
    """Degrees that the pointing may be off; 0 (if absent): some arcseconds at most."""
    observatory: NotRequired[ObservatoryDict | None]


def find_detector(camera: CameraDict, number: int) -> DetectorDict:
    """Find a detector by its number.

    Raises
    ------
    CameraDescriptionError
        Raised if the camera has none such.
    """
    try:
        detector = camera["detectors"][str(number)]
    except KeyError:
        raise CameraDescriptionError(
            f"the camera {camera['instrument']} has no detector number {number}"
        ) from None
    unknown = [name for name in ("nx", "ny", "pixel_size_um") if not detector.get(name)]
    if unknown or not detector["amplifiers"]:
        raise CameraDescriptionError(
            f"the camera {camera['instrument']} does not describe detector {number} well enough: "
            f"{', '.join(unknown) or 'amplifiers'} missing"
        )
    return detector
