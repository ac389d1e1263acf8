"""Light tasks that behave, and misbehave, as real ones do."""

# ruff: noqa: N802, N803 - the names are those of lsst.pipe.base

import os
import signal
from typing import Any, cast

from attrs import evolve
from lsst.pex.config import Field
from lsst.pipe.base import (
    AlgorithmError,
    AnnotatedPartialOutputsError,
    InputQuantizedConnection,
    NoWorkFound,
    OutputQuantizedConnection,
    PipelineTask,
    PipelineTaskConfig,
    PipelineTaskConnections,
    QuantumContext,
    Struct,
)
from lsst.pipe.base.connectionTypes import InitInput, InitOutput, Input, Output, PrerequisiteInput
from lsst.pipe.base.utils import RegionTimeInfo

from prompt_pipelines.alert_outbox import LaidAlerts
from prompt_pipelines.alert_stream import stream_from_environment

OBSERVED = ("instrument", "exposure", "detector")
VISIT = ("instrument", "visit", "detector")
AHEAD = ("instrument", "group", "detector")
DAILY = ("instrument", "day_obs", "detector")
DICT = "StructuredDataDict"
NO_DATABASE = "TEST_NO_DATABASE"
"""Set in the environment, it lets `ChangeTask` fail when it is made."""


class AstrayError(AlgorithmError):
    @property
    def metadata(self) -> dict[str, Any]:
        return {}


class PreloadConnections(PipelineTaskConnections, dimensions=AHEAD):
    where = Input(doc=".", name="regionTimeInfo", storageClass="RegionTimeInfo", dimensions=AHEAD)
    preloaded = Output(doc=".", name="preloaded", storageClass=DICT, dimensions=AHEAD)


class PreloadConfig(PipelineTaskConfig, pipelineConnections=PreloadConnections):
    mood = Field[str]("How it goes.", default="well")  # type: ignore[no-untyped-call]  # untyped package


class PreloadTask(PipelineTask):
    ConfigClass = PreloadConfig
    _DefaultName = "preload"
    config: PreloadConfig

    def run(self, where: RegionTimeInfo) -> Struct:
        if self.config.mood == "raise":
            raise AstrayError("no database")
        return Struct(preloaded={"area": where.region.getBoundingCircle().getOpeningAngle().asDegrees()})


class CountConnections(PipelineTaskConnections, dimensions=OBSERVED):
    raw = Input(doc=".", name="raw", storageClass="RawFrame", dimensions=OBSERVED)
    bias = PrerequisiteInput(
        doc=".",
        name="bias",
        storageClass="ImageV2",
        dimensions=("instrument", "detector"),
        isCalibration=True,
    )
    preloaded = PrerequisiteInput(doc=".", name="preloaded", storageClass=DICT, dimensions=AHEAD, minimum=0)
    schema = InitOutput(doc=".", name="count_schema", storageClass=DICT)
    count = Output(doc=".", name="count", storageClass=DICT, dimensions=OBSERVED)


class CountConfig(PipelineTaskConfig, pipelineConnections=CountConnections):
    mood = Field[str]("How it goes.", default="well")  # type: ignore[no-untyped-call]  # untyped package


class CountTask(PipelineTask):
    ConfigClass = CountConfig
    _DefaultName = "count"
    config: CountConfig

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.schema = {"columns": ["pixels"]}

    def run(self, raw: Any, bias: Any, preloaded: dict[str, float] | None = None) -> Struct:
        self.log.info("counting %d pixels", raw.pixels.size)
        match self.config.mood:
            case "raise":
                raise AstrayError("went astray")
            case "dark" if raw.header["EXPTIME"] == 0:
                raise AstrayError("no light")
            case "no work":
                raise NoWorkFound("nothing to count")
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
        return Struct(
            count={"pixels": raw.pixels.size, "bias": bias.array.size, "preloaded": preloaded is not None}
        )


class ChangeConnections(PipelineTaskConnections, dimensions=VISIT):
    schema = InitInput(doc=".", name="count_schema", storageClass=DICT)
    counts = Input(doc=".", name="count", storageClass=DICT, dimensions=OBSERVED, multiple=True)
    changed = Output(doc=".", name="changed", storageClass=DICT, dimensions=VISIT)
    extra = Output(doc=".", name="extra", storageClass=DICT, dimensions=VISIT)


class ChangeConfig(PipelineTaskConfig, pipelineConnections=ChangeConnections):
    mood = Field[str]("How it goes.", default="well")  # type: ignore[no-untyped-call]  # untyped package


class ChangeTask(PipelineTask):
    ConfigClass = ChangeConfig
    _DefaultName = "change"
    config: ChangeConfig

    def __init__(self, *, initInputs: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(initInputs=initInputs, **kwargs)
        if NO_DATABASE in os.environ:
            raise AstrayError("there is no database")
        self.columns = initInputs["schema"]["columns"]

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        counts = cast(list[dict[str, int]], butlerQC.get(inputRefs.counts))
        butlerQC.put({name: [count[name] for count in counts] for name in self.columns}, outputRefs.changed)
        match self.config.mood:
            case "raise":
                raise AstrayError("went astray after the change")
            case "partial":
                reason = AstrayError("only half of it worked")
                raise AnnotatedPartialOutputsError.annotate(reason, self, log=self.log) from reason
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "alert":
                stream = stream_from_environment()
                assert stream is not None
                # Laid down soon, as alerts are that no broker takes for long.
                evolve(stream, patience=0.1).send(
                    [f"{outputRefs.changed.dataId['visit']} {number}".encode() for number in range(3)]
                )
        butlerQC.put({"extra": 1}, outputRefs.extra)


class JudgeConnections(PipelineTaskConnections, dimensions=VISIT):
    counts = Input(doc=".", name="count", storageClass=DICT, dimensions=OBSERVED, multiple=True)
    quality = Output(doc=".", name="visit_quality", storageClass=DICT, dimensions=VISIT)


class JudgeConfig(PipelineTaskConfig, pipelineConnections=JudgeConnections):
    pass


class JudgeTask(PipelineTask):
    """Finds the seeing bad, and lays down alerts that are held for that."""

    ConfigClass = JudgeConfig
    _DefaultName = "judge"

    def runQuantum(
        self,
        butlerQC: QuantumContext,
        inputRefs: InputQuantizedConnection,  # noqa: ARG002 - the base class's
        outputRefs: OutputQuantizedConnection,
    ) -> None:
        data_id = outputRefs.quality.dataId
        laid = LaidAlerts.of_image(int(data_id["visit"]), int(data_id["detector"]))
        assert laid is not None
        laid.lay([b"1", b"2"], [1, 2], "seeing_arcsec is 5, at most 2 is allowed")
        quality = {"seeing_arcsec": 5.0, "held": ["seeing_arcsec is 5, at most 2 is allowed"]}
        butlerQC.put(quality, outputRefs.quality)


class AfterConnections(PipelineTaskConnections, dimensions=VISIT):
    changed = Input(doc=".", name="changed", storageClass=DICT, dimensions=VISIT)
    after = Output(doc=".", name="after", storageClass=DICT, dimensions=VISIT)


class AfterConfig(PipelineTaskConfig, pipelineConnections=AfterConnections):
    pass


class AfterTask(PipelineTask):
    ConfigClass = AfterConfig
    _DefaultName = "after"

    def run(self, changed: dict[str, Any]) -> Struct:
        return Struct(after=changed)


class NeedyConnections(PipelineTaskConnections, dimensions=OBSERVED):
    raw = Input(doc=".", name="raw", storageClass="RawFrame", dimensions=OBSERVED)
    nowhere = PrerequisiteInput(
        doc=".", name="nowhere", storageClass=DICT, dimensions=("instrument", "detector"), isCalibration=True
    )
    needy = Output(doc=".", name="needy", storageClass=DICT, dimensions=OBSERVED)


class NeedyConfig(PipelineTaskConfig, pipelineConnections=NeedyConnections):
    pass


class NeedyTask(PipelineTask):
    ConfigClass = NeedyConfig
    _DefaultName = "needy"


class PickyConnections(PipelineTaskConnections, dimensions=OBSERVED):
    raw = Input(doc=".", name="raw", storageClass="RawFrame", dimensions=OBSERVED)
    picky = Output(doc=".", name="picky", storageClass=DICT, dimensions=OBSERVED)

    def adjustQuantum(self, inputs: Any, outputs: Any, label: Any, data_id: Any) -> Any:  # noqa: ARG002 - the base class's
        raise NoWorkFound("this one is not good enough")


class PickyConfig(PipelineTaskConfig, pipelineConnections=PickyConnections):
    pass


class PickyTask(PipelineTask):
    ConfigClass = PickyConfig
    _DefaultName = "picky"


class LookConnections(PipelineTaskConnections, dimensions=VISIT):
    counts = Input(doc=".", name="count", storageClass=DICT, dimensions=OBSERVED, multiple=True)
    flat = PrerequisiteInput(
        doc=".",
        name="flat",
        storageClass="ImageV2",
        dimensions=("instrument", "detector", "physical_filter"),
        isCalibration=True,
    )
    catalogue = PrerequisiteInput(
        doc=".",
        name="reference_catalogue",
        storageClass="ArrowAstropy",
        dimensions=("htm7",),
        multiple=True,
        deferLoad=True,
        minimum=0,
    )
    templates = PrerequisiteInput(
        doc=".",
        name="template_image",
        storageClass=DICT,
        dimensions=("skymap", "patch", "band"),
        multiple=True,
        minimum=0,
    )
    seen = Output(doc=".", name="seen", storageClass=DICT, dimensions=VISIT)


class PatchworkConnections(PipelineTaskConnections, dimensions=VISIT):
    counts = Input(doc=".", name="count", storageClass=DICT, dimensions=OBSERVED, multiple=True)
    templates = Input(
        doc=".",
        name="template_image",
        storageClass=DICT,
        dimensions=("skymap", "patch", "band"),
        multiple=True,
    )
    patchwork = Output(doc=".", name="patchwork", storageClass=DICT, dimensions=VISIT)


class PatchworkConfig(PipelineTaskConfig, pipelineConnections=PatchworkConnections):
    pass


class PatchworkTask(PipelineTask):
    """Cannot do without templates."""

    ConfigClass = PatchworkConfig
    _DefaultName = "patchwork"

    def run(self, counts: list[Any], templates: list[Any]) -> Struct:
        return Struct(
            patchwork={"counts": len(counts), "patches": sorted(each["patch"] for each in templates)}
        )


class DailyConnections(PipelineTaskConnections, dimensions=OBSERVED):
    raw = Input(doc=".", name="raw", storageClass="RawFrame", dimensions=OBSERVED)
    weather = PrerequisiteInput(doc=".", name="weather", storageClass=DICT, dimensions=DAILY)
    plan = Input(doc=".", name="plan", storageClass=DICT, dimensions=DAILY)
    daily = Output(doc=".", name="daily", storageClass=DICT, dimensions=OBSERVED)


class DailyConfig(PipelineTaskConfig, pipelineConnections=DailyConnections):
    pass


class DailyTask(PipelineTask):
    ConfigClass = DailyConfig
    _DefaultName = "daily"

    def run(self, raw: Any, weather: Any, plan: Any) -> Struct:  # noqa: ARG002 - the connection's name
        return Struct(daily={"weather": weather["day"], "plan": plan["day"]})


class DailyAheadConnections(PipelineTaskConnections, dimensions=AHEAD):
    weather = PrerequisiteInput(doc=".", name="weather", storageClass=DICT, dimensions=DAILY)
    plan = Input(doc=".", name="plan", storageClass=DICT, dimensions=DAILY)
    daily = Output(doc=".", name="dailyAhead", storageClass=DICT, dimensions=AHEAD)


class DailyAheadConfig(PipelineTaskConfig, pipelineConnections=DailyAheadConnections):
    pass


class DailyAheadTask(PipelineTask):
    ConfigClass = DailyAheadConfig
    _DefaultName = "dailyAhead"

    def run(self, weather: Any, plan: Any) -> Struct:
        return Struct(daily={"weather": weather["day"], "plan": plan["day"]})


class LookConfig(PipelineTaskConfig, pipelineConnections=LookConnections):
    pass


class LookTask(PipelineTask):
    """Writes down what it was given."""

    ConfigClass = LookConfig
    _DefaultName = "look"

    def run(self, counts: list[Any], flat: Any, catalogue: list[Any], templates: list[Any]) -> Struct:
        seen = {
            "preloaded": [count["preloaded"] for count in counts],
            "flat": float(flat.array.mean()),
            "catalogue": sorted(int(shard.get()["id"][0]) for shard in catalogue),
            "templates": sorted(template["patch"] for template in templates),
        }
        return Struct(seen=seen)
