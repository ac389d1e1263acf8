"""What the core may import from outside; import-linter's contracts check all else."""

import sys

import grimp
import pytest

ALLOWED = {"attrs", "numpy", "erfa"}


@pytest.mark.parametrize("package", ["domain", "ports", "application"])
def test_the_core_needs_attrs_numpy_and_erfa_at_most(package: str) -> None:
    graph = grimp.build_graph(package, include_external_packages=True, cache_dir=None)
    outside = {module for module in graph.modules if graph.is_module_squashed(module)}
    ours = {"domain", "ports", "application"}
    assert outside - ours - ALLOWED <= sys.stdlib_module_names
