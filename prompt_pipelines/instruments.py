"""One instrument class for each camera that is asked for.

``prompt_pipelines.instruments.<name of the camera>`` is what the registry
keeps as an instrument's class. Any name gives a class: whether such a camera
exists is for the repository to say, which holds its records.
"""

import functools

from prompt_pipelines.errors import CameraDescriptionError
from prompt_pipelines.instrument import CameraInstrument, instrument_class

__all__: list[str] = []


@functools.cache
def __getattr__(name: str) -> type[CameraInstrument]:
    if name.startswith("__"):  # asked for by the import system
        raise AttributeError(name)
    try:
        return instrument_class(name)
    except CameraDescriptionError as error:
        raise AttributeError(str(error)) from error
