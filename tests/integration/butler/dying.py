"""A child process that dies in the middle of a step: ``python -m tests.integration.butler.dying FILE``.

FILE holds, pickled, the settings, the night, the pipelines and the folder of claims.
"""

import pickle
import sys
from pathlib import Path

from tests.integration.butler.night import Bench, FileClaims, make_workspace


def main(file: Path) -> None:
    settings, night, main_pipeline, preprocessing, claims = pickle.loads(file.read_bytes())  # noqa: S301 - our own
    workspace = make_workspace(Bench(settings=settings, claims=FileClaims(claims)))
    workspace.prepare(night.assignment(main=[main_pipeline], preprocessing=preprocessing))
    workspace.process([workspace.ingest(raw).exposure for raw in night.raws])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
