"""Which adapter stands behind which port: one container for each process."""

import importlib
import sys
from typing import Final

__all__: list[str] = []

_UNUSED: Final = ("fastapi", "fast_depends", "pydantic_settings", "starlette", "werkzeug")
"""What dependency_injector imports where it is installed, for features that are not used here."""


def _import_injector() -> None:
    """Import it as if these packages were not there: 25 MB and half a second less for each process."""
    hidden = [name for name in _UNUSED if name not in sys.modules]
    for name in hidden:
        # None tells Python that there is no such module.
        sys.modules[name] = None  # type: ignore[assignment]  # documented, but not in the stubs
    try:
        importlib.import_module("dependency_injector.wiring")
    finally:
        for name in hidden:
            del sys.modules[name]


_import_injector()
