"""Whether known bodies can be predicted on this machine, asked before a night begins."""

from pathlib import Path

from prompt_pipelines.errors import PromptPipelinesError
from prompt_pipelines.solar_system.ephemeris import open_planets
from prompt_pipelines.solar_system.orbits import load_orbits

__all__ = ["why_no_bodies"]


def why_no_bodies(orbits: Path | None = None) -> str:
    """Say why no known body would be predicted; blank if all is well.

    Parameters
    ----------
    orbits
        File of orbits, which is read; None asks of the packages alone.
    """
    try:
        open_planets()
        if orbits is not None:
            load_orbits(str(orbits))
    except PromptPipelinesError as error:
        return str(error)
    return ""
