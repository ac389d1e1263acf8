"""Write the dashboard, the alert rules and the table of metrics to where they belong."""

from pathlib import Path
from typing import Final

import yaml

from deploy.observability.alerts import rules
from deploy.observability.dashboard import dashboard_json
from deploy.observability.pages import with_table

__all__ = ["written"]

_ROOT: Final = Path(__file__).parents[2]
_FIRST: Final = "# Written by python -m deploy.observability\n"


def written(root: Path = _ROOT) -> dict[Path, str]:
    """Make the text of each file that is made from the list of metrics."""
    files = root / "deploy" / "chart" / "files"
    page = root / "docs" / "observability.md"
    return {
        files / "dashboard.json": dashboard_json(),
        files / "alerts.yaml": _FIRST + yaml.safe_dump(rules(), sort_keys=False, width=100_000),
        page: with_table(page.read_text()),
    }


if __name__ == "__main__":
    for path, text in written().items():
        path.write_text(text)
