"""The notebook of the pages, run as a kernel would: cell by cell in one namespace, each value shown."""

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.butler.night import ROOT

_KERNEL = """
import ast, json, sys


def show(value):
    if value is not None:
        picture = value._repr_png_() if hasattr(value, "_repr_png_") else None
        print(f"a picture of {len(picture)} bytes" if picture else value)


sys.displayhook = show
namespace = {"__name__": "__main__"}
for number, cell in enumerate(json.load(sys.stdin)["cells"]):
    if cell["cell_type"] == "code":
        parsed = ast.Interactive(ast.parse("".join(cell["source"])).body)
        exec(compile(parsed, f"cell {number}", "single"), namespace)
"""


def run_notebook(results: Path) -> str:
    """Run it on results, and return what it shows."""
    with (ROOT / "docs" / "night.ipynb").open() as notebook:
        ended = subprocess.run(  # noqa: S603 - our own
            [sys.executable, "-P", "-W", "error", "-c", _KERNEL],
            stdin=notebook,
            env=os.environ | {"RESULTS": str(results)},
            cwd=results,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr
    return ended.stdout
