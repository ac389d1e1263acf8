"""Names of collections, and the id that tells deployments apart (docs/contracts/collections.md)."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import field, frozen

from domain.pipelines import NO_PIPELINE, pipeline_name
from domain.times import UtcSeconds, day_obs_of

__all__ = [
    "OUTPUT_RUNS",
    "DeploymentFacts",
    "InputCollections",
    "all_sky",
    "chain",
    "day_of_processing",
    "deployment_id",
    "explain",
    "input_collections",
    "output_run",
    "preload_run",
    "serves_night",
    "template_run",
]

_DIGITS = 7

OUTPUT_RUNS: Final = r"[^/\x00-\x1f]+/prompt/output-\d{4}-\d{2}-\d{2}/[^/\x00-\x1f]+/[^/\x00-\x1f]+"
"""Which names `output_run` and `preload_run` make, as a regular expression."""

_NEWEST_NIGHT = re.compile(r"-until-(\d{8})$")


def day_of_processing(now: UtcSeconds) -> str:
    """Write the day_obs of an instant as collection names spell it, ``YYYY-MM-DD``."""
    return day_obs_of(now).isoformat()


def chain(instrument: str, day: str) -> str:
    """Name the chain of all outputs of a day (``YYYY-MM-DD``)."""
    return f"{instrument}/prompt/output-{day}"


def output_run(day_chain: str, pipeline_file: str, deployment: str) -> str:
    """Name the run that holds what a pipeline puts out.

    Parameters
    ----------
    day_chain
        The chain of the day (see `chain`).
    pipeline_file
        The pipeline, as it is configured.
    deployment
        The deployment id.
    """
    return f"{day_chain}/{pipeline_name(pipeline_file)}/{deployment}"


def preload_run(day_chain: str, deployment: str) -> str:
    """Name the run that holds preload products, which belong to no pipeline."""
    return f"{day_chain}/{NO_PIPELINE}/{deployment}"


@frozen(kw_only=True)
class InputCollections:
    """Collections of the central repository that workers read."""

    calibrations: str
    defaults: str
    reference_catalogues: str
    templates: str
    skymaps: str


def input_collections(instrument: str) -> InputCollections:
    """Name the collections that an instrument's workers read."""
    return InputCollections(
        calibrations=f"{instrument}/calib",
        defaults=f"{instrument}/defaults",
        reference_catalogues="refcats",
        templates=f"{instrument}/templates",
        skymaps="skymaps",
    )


def all_sky(instrument: str) -> str:
    """Name the skymap of templates that last, unless another name is given."""
    return f"{instrument}_sky"


def template_run(instrument: str, version: str, newest_night: int | None) -> str:
    """Name the run of a version of templates.

    Parameters
    ----------
    instrument
        Whose they are.
    version
        Tells it from others.
    newest_night
        Last day_obs (``YYYYMMDD``) whose frames have a part in it; None if none of this
        instrument's have.
    """
    ending = "" if newest_night is None else f"-until-{newest_night}"
    return f"{input_collections(instrument).templates}/{version}{ending}"


def serves_night(run: str, day_obs: int) -> bool:
    """Say whether visits of a day_obs may be compared with what a run holds.

    No to templates of which a frame of the same night, or a later one, is a part.
    """
    newest = _NEWEST_NIGHT.search(run)
    return newest is None or int(newest.group(1)) < day_obs


@frozen(kw_only=True)
class DeploymentFacts:
    """All that makes outputs of one deployment differ from another's.

    Mappings are from a name to a version, a digest or a text; their order
    means nothing.
    """

    packages: Mapping[str, str] = field(factory=dict)
    """Installed packages."""
    code: Mapping[str, str] = field(factory=dict)
    """This project's own code and pipelines, by path within the project."""
    pipelines: Mapping[str, str] = field(factory=dict)
    """Configured pipeline files."""
    maps: Mapping[str, str] = field(factory=dict)
    """Configured sky maps."""
    apdb: Mapping[str, str] = field(factory=dict)
    """The APDB's configuration: where it is, and what it says."""


def deployment_id(facts: DeploymentFacts) -> str:
    """Condense the facts of a deployment to ``pipelines-{7 hex}-config-{7 hex}``.

    The first part changes with packages and code, the second with what is
    configured.
    """
    software = _digest(_lines(packages=facts.packages, code=facts.code))
    settings = _digest(_lines(pipelines=facts.pipelines, maps=facts.maps, apdb=facts.apdb))
    return f"pipelines-{software[:_DIGITS]}-config-{settings[:_DIGITS]}"


def explain(facts: DeploymentFacts) -> str:
    """Write the facts a line each, so that ``diff`` shows why two deployment ids differ."""
    lines = _lines(
        packages=facts.packages,
        code=facts.code,
        pipelines=facts.pipelines,
        maps=facts.maps,
        apdb=facts.apdb,
    )
    return "\n".join([deployment_id(facts), *lines]) + "\n"


def _lines(**kinds: Mapping[str, str]) -> Iterator[str]:
    """Write facts so that no two sets of facts read the same.

    Only versions are shown: a configuration may hold a password.
    """
    for kind, facts in kinds.items():
        for name, value in sorted(facts.items()):
            yield f"{kind} {name!r} {repr(value) if kind == 'packages' else _digest([value])}"


def _digest(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass"))
        digest.update(b"\n")
    return digest.hexdigest()
