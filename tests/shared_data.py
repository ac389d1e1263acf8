"""Data beside the checkout, which are not the project's to pass on."""

from pathlib import Path

import pytest

_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "data"


def shared_data(name: str) -> Path:
    """Find a shared file or folder; skip the test where it is absent."""
    path = _FOLDER / name
    if not path.exists():
        pytest.skip(f"../shared/data/{name} is not beside this checkout")
    return path
