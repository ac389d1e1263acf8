"""The central repository at the beginning of a night: camera, calibrations, and what is known of the sky."""

from collections.abc import Iterable
from pathlib import Path
from typing import cast

from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    ButlerUserError,
    CollectionType,
    DatasetRef,
    DatasetType,
    Timespan,
)
from lsst.daf.butler.registry import ConflictingDefinitionError
from sqlalchemy.exc import SQLAlchemyError

from domain.cameras.camera import Camera
from domain.cameras.camera_dict import camera_as_dict
from domain.runs import input_collections
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.instrument import CameraInstrument
from prompt_pipelines.repository import butler_config, input_dataset_types
from simulator.errors import SimulatorError
from simulator.summit.night import NightPlan
from simulator.summit.templates import PatchTemplate
from simulator.world.skymap import SKYMAP, TRACT, Skymap, skymap_records
from simulator.world.stars import Stars
from workbench.detector_masters import Lacking
from workbench.masters import make_masters, without_lacking
from workbench.reference_catalogue import HTM_LEVEL, reference_shards

__all__ = ["REFERENCE_CATALOGUE", "TEMPLATE", "add_reference", "make_repository", "open_repository"]

REFERENCE_CATALOGUE = "reference_catalogue"
"""Dataset type of the reference catalogue: tables of `workbench.reference_catalogue.Shard`."""

TEMPLATE = "template_coadd"
"""Dataset type of template images, `simulator.summit.templates.PatchTemplate`."""


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
        _register(butler, plan.camera)
        plan = without_lacking(plan, _add_calibrations(butler, plan))
        if reference is not None:
            add_reference(butler, plan.camera.instrument, reference)
        if skymap is not None:
            _add_templates(butler, plan.camera.instrument, skymap, templates)
    return plan


def open_repository(root: str, camera: Camera) -> Butler:
    """Open a repository to write what belongs to a camera; it is made, or told of the camera, if need be.

    Raises
    ------
    SimulatorError
        Raised if it cannot be opened, or knows something else by the camera's
        name.
    """
    try:
        if not Butler.has_repo_config(root):
            Butler.makeRepo(root, config=butler_config())
        butler = Butler.from_config(root, writeable=True)
        _register(butler, camera)
    except (ButlerUserError, ConflictingDefinitionError, OSError, SQLAlchemyError, ValueError) as error:
        raise SimulatorError(f"{root}: {' '.join(str(error).split())}") from error
    return butler


def _register(butler: Butler, camera: Camera) -> None:
    """Tell the registry of the camera, of the inputs' dataset types and of the collections."""
    try:
        CameraInstrument.for_camera(cast(CameraDict, camera_as_dict(camera))).register(butler.registry)
    except PromptPipelinesError as error:
        raise SimulatorError(str(error)) from error
    for dataset_type in input_dataset_types(butler.dimensions).values():
        butler.registry.registerDatasetType(dataset_type)
    butler.registry.registerDatasetType(_reference_type(butler))
    names = input_collections(camera.instrument)
    butler.collections.register(names.calibrations, CollectionType.CALIBRATION)
    butler.collections.register(names.templates, CollectionType.RUN)
    butler.collections.register(names.skymaps, CollectionType.RUN)
    butler.collections.register(_reference_run(camera.instrument), CollectionType.RUN)
    _chain(butler, names.reference_catalogues, [_reference_run(camera.instrument)])
    _chain(
        butler,
        names.defaults,
        [names.calibrations, names.templates, names.skymaps, names.reference_catalogues],
    )


def _add_calibrations(butler: Butler, plan: NightPlan) -> list[Lacking]:
    """Store the camera and what masters can be made; returns the others."""
    instrument = plan.camera.instrument
    collection = input_collections(instrument).calibrations
    run = f"{collection}/masters"
    butler.collections.register(run, CollectionType.RUN)
    lacking: list[Lacking] = []
    with butler.transaction():
        refs: list[DatasetRef] = [
            butler.put(camera_as_dict(plan.camera), "camera", {"instrument": instrument}, run=run)
        ]
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
                run=_reference_run(instrument),
            )


def _add_templates(
    butler: Butler, instrument: str, skymap: Skymap, templates: Iterable[PatchTemplate]
) -> None:
    dimensions = ("skymap", "tract", "patch", "band")
    butler.registry.registerDatasetType(
        DatasetType(TEMPLATE, dimensions, "MaskedImageV2", universe=butler.dimensions)
    )
    with butler.transaction():
        for element, records in skymap_records(skymap).items():
            butler.registry.insertDimensionData(element, *records)
        for template in templates:
            data_id = {"skymap": SKYMAP, "tract": TRACT, "patch": template.patch, "band": template.band}
            butler.put(template.image, TEMPLATE, data_id, run=input_collections(instrument).templates)


def _reference_type(butler: Butler) -> DatasetType:
    return DatasetType(REFERENCE_CATALOGUE, (f"htm{HTM_LEVEL}",), "ArrowAstropy", universe=butler.dimensions)


def _reference_run(instrument: str) -> str:
    return f"refcats/{instrument}"


def _chain(butler: Butler, name: str, children: list[str]) -> None:
    """Make a chain; one that is there stays as it is."""
    if butler.collections.register(name, CollectionType.CHAINED):
        butler.collections.redefine_chain(name, children)
