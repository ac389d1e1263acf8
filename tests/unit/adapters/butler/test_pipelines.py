"""What cannot be loaded is told from what cannot be loaded now."""

from pathlib import Path

import pytest
import sqlalchemy.exc
from lsst.daf.butler import Butler

from adapters.butler.inputs.pipelines import PipelineLibrary
from ports.workspace import WorkspaceError


def away() -> Butler:
    raise sqlalchemy.exc.OperationalError("select", {}, Exception("no route to host"))


def test_a_registry_that_is_away_is_no_fault_of_the_pipelines(tmp_path: Path) -> None:
    (tmp_path / "Some.yaml").write_text("description: Of nothing.\ntasks: {}\n")
    library = PipelineLibrary(tmp_path, "", frozenset(), away, away)
    with pytest.raises(WorkspaceError, match="no route to host"):
        library.load_any(["Some.yaml"])
    assert library.load_any(["nowhere.yaml"])[0] == []
