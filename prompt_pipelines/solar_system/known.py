"""The bodies of a view, from wherever this process is told to have them; never a reason to fail a visit."""

import logging
import os
from collections.abc import Mapping

from astropy.table import Table

from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.solar_system.prediction import View, no_bodies, predict
from prompt_pipelines.solar_system.service import ask_service

__all__ = ["known_bodies"]

_log = logging.getLogger(__name__)


def known_bodies(view: View, patience: float, values: Mapping[str, str] = os.environ) -> tuple[Table, str]:
    """Find the bodies of a view; those of a file as they are seen from the centre of the Earth.

    Parameters
    ----------
    view
        Where and when.
    patience
        Seconds that the service has.
    values
        MP_ORBITS names a file of orbits; without it, MP_SKY_URL a service. Without either there are none.

    Returns
    -------
    bodies, reason
        And why there are none, if that is a fault; else blank. It holds as long as an answer would: what was
        away before the image is not asked again after it, when the minute runs.
    """
    orbits, url = values.get("MP_ORBITS"), values.get("MP_SKY_URL")
    try:
        if orbits:
            return predict(orbits, view), ""
        if url:
            return ask_service(url, view, patience), ""
    except PromptPipelinesError as error:
        _log.error("known bodies are not told from others in this image: %s", error)
        return no_bodies(view), str(error)
    return no_bodies(view), ""
