"""How good a visit and detector is: what its tasks have measured, in one place."""

import math
from collections.abc import Mapping
from typing import Any, override

import numpy as np
from astropy.table import Table
from lsst.pex.config import FieldValidationError
from lsst.pipe.base import (
    InputQuantizedConnection,
    OutputQuantizedConnection,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    QuantumContext,
    Struct,
    TaskMetadata,
)
from lsst.pipe.base.connectionTypes import Input, Output

from prompt_pipelines.fields import numbers

__all__ = ["MeasureQualityConfig", "MeasureQualityConnections", "MeasureQualityTask"]

_IMAGE = ("instrument", "visit", "detector")
_AB_OF_NANOJANSKY = 31.4
"""Magnitude of 1 nJy."""
_MIDDLE = 0.5
"""Reliability at which counts are parted."""
_DETECTION = {
    "seeing_pixels": "psf_fwhm_pixels",
    "seeing_arcsec": "psf_fwhm_arcsec",
    "psf_stars": "psf_stars",
    "background_electrons": "sky_level",
    "background_noise_electrons": "sky_noise",
    "masked_fraction": "masked_fraction",
    "sources": "sources",
}
_SUBTRACTION = {
    "template_overlap": "template_overlap",
    "difference_masked_fraction": "masked_fraction",
    "streak_fraction": "streak_fraction",
    "kernel_stars": "kernel_stars",
    "kernel_sum": "kernel_sum",
    "kernel_residual": "kernel_residual",
}
_DIFFERENCE = {"difference_noise_scale": "noise_scale"}
_CALIBRATION = {
    "photometric_scatter_mag": "photometric_scatter",
    "photometric_stars": "photometric_stars",
    "zero_point_gradient_mag": "photometric_gradient",
    "astrometric_scatter_arcsec": "astrometric_scatter_arcsec",
    "astrometric_shift_arcsec": "astrometric_shift_arcsec",
    "astrometric_stars": "astrometric_stars",
}
_LIMITED = frozenset(
    {
        *_DETECTION,
        *_SUBTRACTION,
        *_DIFFERENCE,
        *_CALIBRATION,
        "zero_point_mag",
        *(f"dia_sources.{name}" for name in ("positive", "negative", "rejected", "unreliable")),
    }
)
"""What may have a limit."""


class MeasureQualityConnections(PipelineTaskConnections, dimensions=_IMAGE):
    """What `MeasureQualityTask` reads and writes."""

    detection = Input(
        "detectSources_metadata", "TaskMetadata", "What detectSources has noted.", dimensions=_IMAGE
    )
    visit_calibration = Input(
        "visit_calibration", "StructuredDataDict", "Scale, and how good it is.", dimensions=_IMAGE
    )
    subtraction = Input(
        "subtractImages_metadata", "TaskMetadata", "What subtractImages has noted.", dimensions=_IMAGE
    )
    difference = Input(
        "detectDiaSources_metadata", "TaskMetadata", "What detectDiaSources has noted.", dimensions=_IMAGE
    )
    dia_sources = Input("dia_sources", "ArrowAstropy", "Sources of the difference image.", dimensions=_IMAGE)
    visit_quality = Output(
        "visit_quality", "StructuredDataDict", "Measures of this visit and detector.", dimensions=_IMAGE
    )


class MeasureQualityConfig(PipelineTaskConfig, pipelineConnections=MeasureQualityConnections):
    """Choices of `MeasureQualityTask`.

    Limits are by the names of ``visit_quality``, of counts such as ``dia_sources.positive``.
    What is not known is not judged.
    """

    at_most = numbers("Largest values of measures; a visit and detector beyond one is held.")
    at_least = numbers("Smallest values, likewise.")

    @override
    def validate(self) -> None:
        """Refuse a limit of something that is not measured."""
        super().validate()  # type: ignore[no-untyped-call]  # untyped package
        for field, limits in ((type(self).at_most, self.at_most), (type(self).at_least, self.at_least)):
            if unknown := sorted(set(limits) - _LIMITED):
                known = ", ".join(sorted(_LIMITED))
                reason = f"no measure is called {', '.join(unknown)}; there are {known}"
                raise FieldValidationError(field, self, reason)  # type: ignore[no-untyped-call]  # untyped package


class MeasureQualityTask(PipelineTask):
    """Collect measures of quality."""

    ConfigClass = MeasureQualityConfig
    _DefaultName = "measureQuality"
    config: MeasureQualityConfig

    @override
    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        """Read, run, write."""
        butlerQC.put(self.run(**butlerQC.get(inputRefs)), outputRefs)

    def run(
        self,
        detection: TaskMetadata,
        visit_calibration: Mapping[str, Any],
        subtraction: TaskMetadata,
        difference: TaskMetadata,
        dia_sources: Table,
    ) -> Struct:
        """Collect measures of quality.

        Parameters
        ----------
        detection, subtraction, difference
            What the tasks of one visit and detector have noted.
        visit_calibration
            Of it.
        dia_sources
            All of them.

        Returns
        -------
        outputs
            ``visit_quality``, see docs/pipelines.md; None for what is not known.
        """
        quality: dict[str, Any] = {
            **_chosen(_of_task(detection), _DETECTION),
            **_chosen(visit_calibration, _CALIBRATION),
            **_chosen(_of_task(subtraction), _SUBTRACTION),
            **_chosen(_of_task(difference), _DIFFERENCE),
            "zero_point_mag": _AB_OF_NANOJANSKY
            - 2.5 * math.log10(visit_calibration["nanojansky_per_electron"]),
            "dia_sources": _counts(dia_sources),
        }
        quality["held"] = self._beyond_limits(quality)
        if quality["held"]:
            self.log.warning("held: %s", "; ".join(quality["held"]))
        return Struct(visit_quality=quality)

    def _beyond_limits(self, quality: Mapping[str, Any]) -> list[str]:
        """Say for each limit that is not kept what is measured and what is allowed."""
        reasons = []
        for limits, word, sign in ((self.config.at_most, "most", 1.0), (self.config.at_least, "least", -1.0)):
            for name, limit in sorted(limits.items()):
                value = _value(quality, name)
                if value is not None and sign * (value - limit) > 0:
                    reasons.append(f"{name} is {value:.4g}, at {word} {limit:.4g} is allowed")
        return reasons


def _value(quality: Mapping[str, Any], name: str) -> float | None:
    found: Any = quality
    for part in name.split("."):
        found = found.get(part)
    return found if found is None else float(found)


def _of_task(metadata: TaskMetadata) -> Mapping[str, Any]:
    """Find a task's own notes beside those of its execution."""
    notes: dict[str, Any] = {}
    for name, part in metadata.to_dict().items():
        if name != "quantum" and isinstance(part, dict):
            notes |= part
        elif not isinstance(part, dict):
            notes[name] = part
    return notes


def _chosen(values: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    found = {ours: values.get(theirs) for ours, theirs in names.items()}
    return {name: None if isinstance(one, float) and math.isnan(one) else one for name, one in found.items()}


def _counts(sources: Table) -> dict[str, Any]:
    rejected, negative = (np.asarray(sources[name], dtype=bool) for name in ("flag_rejected", "is_negative"))
    scores = np.asarray(sources["reliability"], dtype=float)[~rejected]
    flags = [name for name in sources.colnames if name.startswith("flag_")]
    return {
        "positive": int(np.count_nonzero(~rejected & ~negative)),
        "negative": int(np.count_nonzero(~rejected & negative)),
        "rejected": int(np.count_nonzero(rejected)),
        "unreliable": int(np.count_nonzero(sources["flag_unreliable"])),
        "reliability": {
            "below_0.5": int(np.count_nonzero(scores < _MIDDLE)),
            "from_0.5": int(np.count_nonzero(scores >= _MIDDLE)),
            "unknown": int(np.count_nonzero(np.isnan(scores))),
        },
        "flagged": {name.removeprefix("flag_"): int(np.count_nonzero(sources[name])) for name in flags},
    }
