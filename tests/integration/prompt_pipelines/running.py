"""Running a pipeline file as an executor does."""

import gc
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from lsst.daf.butler import Butler
from lsst.dax.apdb.sql import ApdbSql
from lsst.pipe.base import Pipeline
from lsst.pipe.base.separable_pipeline_executor import SeparablePipelineExecutor

from prompt_pipelines.apdb import open_apdb

__all__ = ["APDB_WARNINGS", "close_apdb", "disconnect_apdb", "make_apdb", "run_pipeline"]

APDB_WARNINGS = "ignore:The inplace keyword in DataFrame"
"""dax_apdb is not yet up to date with the newest pandas."""


def make_apdb(folder: Path, url: str | None = None) -> str:
    """Make an empty database, in SQLite if no other is named; return the URI of its configuration."""
    config = ApdbSql.init_database(url or f"sqlite:///{folder}/apdb.db")
    uri = str(folder / "apdb.yaml")
    config.save(uri)
    # It leaves the connections of its pool to the garbage collector.
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()
    return uri


def close_apdb(uri: str) -> None:
    """Close the connections that tasks have opened to a database, and forget all databases."""
    disconnect_apdb(uri)
    open_apdb.cache_clear()


def disconnect_apdb(uri: str) -> None:
    """Close the connections to a database while others may be open."""
    cast(ApdbSql, open_apdb(uri))._engine.dispose()


def run_pipeline(
    repository: Path,
    name: str,
    where: str,
    *,
    inputs: list[str],
    run: str,
    apdb: str | None = None,
    tasks: str = "",
    limits: Mapping[str, float] | None = None,
) -> int:
    """Run one of the shipped pipelines, or some of its tasks; return how many quanta there were."""
    with Butler.from_config(str(repository), collections=inputs, run=run, writeable=True) as butler:
        pipeline = Pipeline.from_uri(
            f"resource://prompt_pipelines/pipelines/{name}.yaml{tasks and '#'}{tasks}"
        )
        # The service gives it to every pipeline, whether it declares it or not.
        pipeline.addConfigOverride("parameters", "apdb_config", apdb or "file:///nowhere/apdb.yaml")
        if limits is not None:
            pipeline.addConfigOverride("measureQuality", "at_most", dict(limits))
        executor = SeparablePipelineExecutor(butler)
        graph = executor.build_quantum_graph(pipeline, where=where)
        if len(graph):
            executor.pre_execute_qgraph(graph, register_dataset_types=True, save_versions=False)
            executor.run_pipeline(graph)
        return len(graph)
