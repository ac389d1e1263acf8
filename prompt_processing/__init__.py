"""The results of a night, from Python.

>>> import prompt_processing
>>> results = prompt_processing.open("results/SimCam-20260314T021507")  # doctest: +SKIP
>>> results.outcomes  # doctest: +SKIP
>>> results.light_curve(results.dia_objects["object"][0])  # doctest: +SKIP
"""

from importlib.metadata import version

from prompt_processing.errors import ResultsError
from prompt_processing.images import DetectorImage
from prompt_processing.results import Results, open_results
from workbench.night.ades import Observatory

__all__ = ["DetectorImage", "Observatory", "Results", "ResultsError", "__version__", "open"]

__version__ = version("prompt-processing")

open = open_results  # noqa: A001 - as `prompt_processing.open` it reads as what it does
