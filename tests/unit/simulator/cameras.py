"""A small camera for tests: two amplifiers, a turned detector, a distorted field."""

from domain.cameras.camera import (
    Amplifier,
    Box,
    Camera,
    CardRule,
    Detector,
    DetectorType,
    FocalPlane,
    HeaderRules,
    Placement,
    RawKeys,
    RawKeyScheme,
)

NX, NY = 200, 160


def make_camera(*, scheme: RawKeyScheme = RawKeyScheme.LSST) -> Camera:
    half = NX // 2
    kind = DetectorType(
        nx=NX,
        ny=NY,
        pixel_size=10.0,
        amplifiers=(
            Amplifier(
                name="L",
                data=Box(4, half + 4, 0, NY),
                overscan=Box(NX + 4, NX + 20, 0, NY),
                image=Box(0, half, 0, NY),
                gain=1.5,
                read_noise=6.0,
                saturation=60000,
            ),
            Amplifier(
                name="R",
                data=Box(half + 4, NX + 4, 0, NY),
                overscan=Box(NX + 20, NX + 36, 0, NY),
                image=Box(half, NX, 0, NY),
                gain=2.0,
                read_noise=8.0,
                saturation=60000,
            ),
        ),
    )
    return Camera(
        instrument="TestCam",
        detectors=(
            Detector(number=0, name="R22_S00", type=kind, placement=Placement(x=0.0, y=0.0)),
            Detector(number=5, name="R22_S12", type=kind, placement=Placement(x=40.0, y=-25.0, yaw=90.0)),
        ),
        raw_keys=RawKeys(scheme=scheme, abbreviation="TC"),
        header=HeaderRules(
            facts=FACTS, observation_types={"OBJECT": "science", "BIAS": "bias", "FLAT": "flat"}
        ),
        filters={"r_test": "r", "g_test": "g"},
        focal_plane=FocalPlane(plate_scale=20.0, radial_distortion=(0.0, 1.0, 0.0, -1e-6)),
    )


FACTS = {
    "instrument": CardRule(cards=("INSTRUME",)),
    "obs_id": CardRule(cards=("OBSID",)),
    "group": CardRule(cards=("GROUPID",)),
    "snap": CardRule(cards=("CURINDEX",), offset=-1),
    "detector_name": CardRule(cards=("RAFTBAY", "CCDSLOT"), join="_"),
    "day_obs": CardRule(cards=("DAYOBS",)),
    "seqnum": CardRule(cards=("SEQNUM",)),
    "physical_filter": CardRule(cards=("FILTER",)),
    "exposure_time": CardRule(cards=("EXPTIME",)),
    "begin": CardRule(cards=("DATE-BEG",), format="isot", time_scale="tai"),
    "end": CardRule(cards=("END-DAY", "END-TIME"), join="T", format="isot", time_scale="utc"),
    "ra": CardRule(cards=("RA",), unit="hourangle"),
    "dec": CardRule(cards=("DEC",), unit="deg"),
    "sky_angle": CardRule(cards=("ROTPA",), unit="deg"),
    "observation_type": CardRule(cards=("IMGTYPE",)),
}
