"""The bodies of a view, from wherever this process is told to have them; never a reason to fail a visit."""

import functools
import logging
import os
from collections.abc import Mapping

from astropy.table import Table

from prompt_pipelines.camera import CameraDict
from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.solar_system.prediction import View, no_bodies, predict
from prompt_pipelines.solar_system.service import ask_service

__all__ = ["known_bodies"]

_log = logging.getLogger(__name__)


@functools.cache
def _say_geocentric() -> None:
    _log.warning(
        "the camera file names no observatory: known bodies are predicted for the centre of the Earth, "
        "up to 9 arcsec off at 1 au"
    )


def known_bodies(
    view: View, camera: CameraDict | None, patience: float, values: Mapping[str, str] = os.environ
) -> tuple[Table, str]:
    """Find the bodies of a view.

    Parameters
    ----------
    view
        Where and when.
    camera
        Tells where the observatory is; without that, bodies are predicted for the centre of the Earth.
    patience
        Seconds that the service has.
    values
        MP_ORBITS names a file of orbits; without it, MP_SKY_URL a service. Without either there are none.

    Returns
    -------
    bodies, reason
        And why there are none, if that is a fault; else blank.
    """
    orbits, url = values.get("MP_ORBITS"), values.get("MP_SKY_URL")
    try:
        if orbits:
            observatory = None if camera is None else camera.get("observatory")
            if observatory is None:
                _say_geocentric()
            return predict(orbits, view, observatory), ""
        if url:
            return ask_service(url, view, patience), ""
    except PromptPipelinesError as error:
        _log.error("known bodies are not told from others in this image: %s", error)
        return no_bodies(), str(error)
    return no_bodies(), ""
