"""The contracts' fixtures, used as they are."""

import json
from pathlib import Path
from typing import Any

__all__ = ["CONTRACTS", "NOTIFICATIONS", "contract_json"]

CONTRACTS = Path(__file__).parent / "contracts"
NOTIFICATIONS = sorted((CONTRACTS / "bucket_notifications").glob("*.json"))


def contract_json(name: str) -> Any:
    """Parse one of the contracts' JSON files."""
    return json.loads((CONTRACTS / name).read_text())
