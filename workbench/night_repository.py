"""The central repository at the beginning of a night: camera, calibrations, and what is known of the sky."""

from collections.abc import Iterable
from pathlib import Path

from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    CollectionType,
    DatasetRef,
    DatasetType,
    Timespan,
)

from domain.runs import input_collections
from prompt_pipelines.repository import butler_config
from simulator.errors import SimulatorError
from simulator.summit.night import NightPlan
from simulator.summit.templates import PatchTemplate
from simulator.world.skymap import SKYMAP, TRACT, Skymap, skymap_records
from simulator.world.stars import Stars
from workbench.catalogues.reference_catalogue import reference_shards
from workbench.masters.detector_masters import Lacking
from workbench.masters.masters import make_masters, without_lacking
from workbench.repository import (
    HTM_LEVEL,
    REFERENCE_CATALOGUE,
    TEMPLATE,
    night_templates,
    put_camera,
    reference_run,
    register,
)

__all__ = ["add_reference", "add_templates", "make_repository"]


def make_repository(
    root: Path,
    plan: NightPlan,
    *,
    datastore: str | None = None,
    registry: str | None = None,
    reference: Stars | None = None,
    skymap: Skymap | None = None,
    templates: Iterable[PatchTemplate] = (),
) -> NightPlan:
    """Make a repository in which a night's pipelines find what they need.

    Parameters
    ----------
    root
        Folder of its configuration; made if it does not exist.
    plan
        The night: its camera, and the frames that its calibrations are made
        from.
    datastore
        URI of the folder or bucket (``s3://bucket/``) of its files; None is
        `root`. For S3, the environment must say which endpoint and keys.
    registry
        URI of the registry's database; None is SQLite in `root`.
    reference
        Stars of the reference catalogue; None makes an empty one.
    skymap
        Of the templates, which is registered; None is none.
    templates
        Template images of its patches.

    Returns
    -------
    plan
        What of the plan can be calibrated; the log names the rest.

    Raises
    ------
    SimulatorError
        Raised if there is a repository already, if nothing can be calibrated,
        or if the camera cannot be registered.
    """
    if Butler.has_repo_config(str(root)):
        raise SimulatorError(f"{root} holds a repository already")
    config = butler_config()
    if datastore is not None:
        config["datastore", "root"] = datastore
    if registry is not None:
        config["registry", "db"] = registry
    # Otherwise the root would be put back to the repository's own folder.
    Butler.makeRepo(str(root), config=config, forceConfigRoot=datastore is None)
    with Butler.from_config(str(root), writeable=True) as butler:
        register(butler, plan.camera)
        plan = without_lacking(plan, _add_calibrations(butler, plan))
        if reference is not None:
            add_reference(butler, plan.camera.instrument, reference)
        if skymap is not None:
            add_templates(butler, plan.camera.instrument, skymap, templates)
    return plan


def _add_calibrations(butler: Butler, plan: NightPlan) -> list[Lacking]:
    """Store the camera and what masters can be made; returns the others."""
    instrument = plan.camera.instrument
    collection = input_collections(instrument).calibrations
    run = f"{collection}/masters"
    butler.collections.register(run, CollectionType.RUN)
    lacking: list[Lacking] = []
    with butler.transaction():
        refs: list[DatasetRef] = [put_camera(butler, plan.camera, run)]
        for master in make_masters(plan):
            if isinstance(master, Lacking):
                lacking.append(master)
            else:
                refs.append(butler.put(master.content, master.dataset_type, master.data_id, run=run))
        butler.registry.certify(collection, refs, Timespan(None, None))
    return lacking


def add_reference(butler: Butler, instrument: str, stars: Stars) -> None:
    """Store stars as the reference catalogue of an instrument."""
    with butler.transaction():
        for shard in reference_shards(stars):
            butler.put(
                shard.stars,
                REFERENCE_CATALOGUE,
                {f"htm{HTM_LEVEL}": shard.htm7},
                run=reference_run(instrument),
            )


def add_templates(
    butler: Butler, instrument: str, skymap: Skymap, templates: Iterable[PatchTemplate]
) -> None:
    """Store a skymap, and templates of its patches."""
    dimensions = ("skymap", "tract", "patch", "band")
    butler.registry.registerDatasetType(
        DatasetType(TEMPLATE, dimensions, "MaskedImageV2", universe=butler.dimensions)
    )
    with butler.transaction():
        for element, records in skymap_records(skymap).items():
            butler.registry.insertDimensionData(element, *records)
        for template in templates:
            data_id = {"skymap": SKYMAP, "tract": TRACT, "patch": template.patch, "band": template.band}
            butler.put(template.image, TEMPLATE, data_id, run=night_templates(instrument))
