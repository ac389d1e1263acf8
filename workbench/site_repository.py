"""The central repository of a site: a camera, an empty sky, and a registry that several processes write."""

import contextlib
import sqlite3
from pathlib import Path

from lsst.daf.butler import Timespan

from domain.cameras.camera import Camera
from domain.runs import input_collections
from workbench.repository import open_repository, put_camera

__all__ = ["make_site_repository"]

_REGISTRY = "gen3.sqlite3"


def make_site_repository(root: Path, camera: Camera) -> None:
    """Make a repository with a camera, and with no calibrations, stars or templates yet.

    Raises
    ------
    SimulatorError
        Raised if the camera cannot be registered.
    """
    with open_repository(str(root), camera) as butler:
        collection = input_collections(camera.instrument).calibrations
        run = f"{collection}/camera"
        butler.collections.register(run)
        ref = put_camera(butler, camera, run)
        butler.registry.certify(collection, [ref], Timespan(None, None))
    # Kept in the file: nobody who reads waits for one who writes, nor the other way round.
    with contextlib.closing(sqlite3.connect(root / _REGISTRY)) as registry:
        registry.execute("PRAGMA journal_mode = WAL")
