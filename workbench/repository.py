"""A repository for what belongs to a camera: its instrument, dataset types and collections."""

from typing import Self, cast

from lsst.daf.butler import (  # type: ignore[attr-defined]  # CollectionType is public, not marked as such
    Butler,
    ButlerUserError,
    CollectionType,
    DatasetRef,
    DatasetType,
)
from lsst.daf.butler.registry import ConflictingDefinitionError
from sqlalchemy.exc import SQLAlchemyError

from domain.cameras.camera import Camera
from domain.cameras.camera_dict import camera_as_dict
from domain.runs import input_collections, template_run
from prompt_pipelines.camera import CameraDict
from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.instrument import CameraInstrument
from prompt_pipelines.repository import butler_config, input_dataset_types
from simulator.errors import SimulatorError

__all__ = [
    "HTM_LEVEL",
    "REFERENCE_CATALOGUE",
    "TEMPLATE",
    "OpenedRepository",
    "night_templates",
    "open_existing",
    "open_repository",
    "put_camera",
    "reference_run",
    "register",
]

HTM_LEVEL = 7
"""Of the triangles into which reference catalogues are cut."""

REFERENCE_CATALOGUE = "reference_catalogue"
"""Dataset type of the reference catalogue: tables of `workbench.catalogues.reference_catalogue.Shard`."""

TEMPLATE = "template_coadd"
"""Dataset type of template images, `simulator.summit.templates.PatchTemplate`."""


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
        register(butler, camera)
    except (ButlerUserError, ConflictingDefinitionError, OSError, SQLAlchemyError, ValueError) as error:
        raise SimulatorError(f"{root}: {' '.join(str(error).split())}") from error
    return butler


def open_existing(root: str, *, writeable: bool = False) -> Butler:
    """Open a repository that is there.

    Raises
    ------
    SimulatorError
        Raised if there is none, or it cannot be read.
    """
    try:
        return Butler.from_config(root, writeable=writeable)
    except (ButlerUserError, OSError, SQLAlchemyError, ValueError) as error:
        raise SimulatorError(f"{root} is no repository: {' '.join(str(error).split())}") from error


class OpenedRepository:
    """A repository that is there, open while this is a context.

    Parameters
    ----------
    root
        Folder or URI of the repository.
    writeable
        Whether anything is to be changed.

    Raises
    ------
    SimulatorError
        Raised if there is no repository, or it cannot be read.
    """

    def __init__(self, root: str, *, writeable: bool = False) -> None:
        self.butler = open_existing(root, writeable=writeable)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.butler.close()


def put_camera(butler: Butler, camera: Camera, run: str) -> DatasetRef:
    """Store the description of a camera in a run, where there is none."""
    return butler.put(camera_as_dict(camera), "camera", {"instrument": camera.instrument}, run=run)


def register(butler: Butler, camera: Camera) -> None:
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
    butler.collections.register(names.skymaps, CollectionType.RUN)
    for run in (reference_run(camera.instrument), night_templates(camera.instrument)):
        butler.collections.register(run, CollectionType.RUN)
    _chain(butler, names.templates, [night_templates(camera.instrument)])
    _chain(butler, names.reference_catalogues, [reference_run(camera.instrument)])
    _chain(
        butler,
        names.defaults,
        [names.calibrations, names.templates, names.skymaps, names.reference_catalogues],
    )


def reference_run(instrument: str) -> str:
    """Name the run of a night's own reference catalogue."""
    return f"refcats/{instrument}"


def night_templates(instrument: str) -> str:
    """Name the run of templates that a night's own repository has."""
    return template_run(instrument, "night", None)


def _reference_type(butler: Butler) -> DatasetType:
    return DatasetType(REFERENCE_CATALOGUE, (f"htm{HTM_LEVEL}",), "ArrowAstropy", universe=butler.dimensions)


def _chain(butler: Butler, name: str, children: list[str]) -> None:
    """Make a chain; one that is there stays as it is."""
    if butler.collections.register(name, CollectionType.CHAINED):
        butler.collections.redefine_chain(name, children)
