"""The Butler's view of a camera that is described by data, not by a class of its own.

The registry keeps, for each instrument, the name of a class without arguments
that knows the instrument's name. Cameras here are files, so the class is made
when it is asked for: importing ``prompt_pipelines.instruments.SimCam`` gives
the `CameraInstrument` of the camera ``SimCam``.
"""

from typing import ClassVar, override

from lsst.daf.butler import DataId, Formatter, FormatterV2
from lsst.daf.butler.registry import Registry
from lsst.pipe.base import Instrument

from prompt_pipelines.camera import CameraDict
from prompt_pipelines.errors import CameraDescriptionError
from prompt_pipelines.formatters import RawFrameFormatter

__all__ = ["ONE_TO_ONE_VISIT_SYSTEM", "CameraInstrument", "instrument_class"]

ONE_TO_ONE_VISIT_SYSTEM = 0
"""The visit system in which each exposure is a visit, numbered as in LSST's cameras."""

_NAME_MAX_LENGTH = 32  # of the column in the registry
_OBSERVATION_MAX = 9999_12_31_99999 + 1  # ids are day_obs * 100000 + sequence number


class CameraInstrument(Instrument):
    """An instrument that is described by a ``camera`` dataset."""

    NAME: ClassVar[str] = ""

    def __init__(self, collection_prefix: str | None = None) -> None:
        if not self.NAME:
            raise TypeError("make instruments by instrument_class(name)")
        super().__init__(collection_prefix)
        self._camera: CameraDict | None = None

    @classmethod
    @override
    def getName(cls) -> str:
        """Return the instrument's name in data ids."""
        return cls.NAME

    @classmethod
    def for_camera(cls, camera: CameraDict) -> "CameraInstrument":
        """Make the instrument of a camera, ready to be registered.

        Raises
        ------
        CameraDescriptionError
            Raised if no registry could hold the camera's name.
        """
        instrument = instrument_class(camera["instrument"])()
        instrument._camera = camera
        return instrument

    @override
    def register(self, registry: Registry, *, update: bool = False) -> None:
        """Insert the records of instrument, detectors, filters and visit system, all or none.

        Raises
        ------
        CameraDescriptionError
            Raised if this object was not made by `for_camera`: then it knows
            nothing but a name.
        """
        if self._camera is None:
            raise CameraDescriptionError(
                f"{self.NAME}: only CameraInstrument.for_camera(...) can be registered"
            )
        with registry.transaction():
            registry.syncDimensionData("instrument", self._instrument_record(self._camera), update=update)
            for detector in _detector_records(self._camera):
                registry.syncDimensionData("detector", detector, update=update)
            for physical_filter, band in self._camera["filters"].items():
                registry.syncDimensionData(
                    "physical_filter",
                    {"instrument": self.NAME, "name": physical_filter, "band": band},
                    update=update,
                )
            registry.syncDimensionData(
                "visit_system",
                {"instrument": self.NAME, "id": ONE_TO_ONE_VISIT_SYSTEM, "name": "one-to-one"},
                update=update,
            )

    @override
    def getRawFormatter(self, dataId: DataId) -> type[Formatter | FormatterV2]:
        """Return the formatter of raws, the same for every camera."""
        return RawFrameFormatter

    def _instrument_record(self, camera: CameraDict) -> dict[str, str | int]:
        return {
            "name": self.NAME,
            "visit_max": _OBSERVATION_MAX,
            "exposure_max": _OBSERVATION_MAX,
            "detector_max": max(map(int, camera["detectors"])) + 1,
            "visit_system": ONE_TO_ONE_VISIT_SYSTEM,
            "class_name": f"prompt_pipelines.instruments.{self.NAME}",
        }


def _detector_records(camera: CameraDict) -> list[dict[str, str | int | None]]:
    return [
        {
            "instrument": camera["instrument"],
            "id": int(number),
            "full_name": detector["name"],
            # LSST names are raft_sensor; others are their own sensor in no raft.
            "name_in_raft": detector["name"].rpartition("_")[2],
            "raft": detector["name"].rpartition("_")[0] or None,
            "purpose": detector.get("purpose", "SCIENCE").upper(),
        }
        for number, detector in camera["detectors"].items()
    ]


def instrument_class(name: str) -> type[CameraInstrument]:
    """Make the class of one camera.

    Raises
    ------
    CameraDescriptionError
        Raised if the name is empty, too long for the registry, or holds a
        dot, which would end the class name.
    """
    if not name or len(name) > _NAME_MAX_LENGTH or "." in name:
        raise CameraDescriptionError(
            f"{name!r} cannot name an instrument: 1 to {_NAME_MAX_LENGTH} characters, no dot"
        )
    return type(name, (CameraInstrument,), {"NAME": name, "__module__": "prompt_pipelines.instruments"})
