"""No process that fails to start shows a password that stands in an address."""

import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.unit.application.processes import ENVIRONMENT

pytestmark = pytest.mark.slow

_SECRET = "planted-secret"  # noqa: S105 - it opens nothing
_ADDRESSES = {
    "KAFKA_SCHEMA_REGISTRY_URL": f"http://user:{_SECRET}@127.0.0.1:9",
    "RAW_MICROSERVICE": f"http://user:{_SECRET}@127.0.0.1:9/presence",
    "S3_ENDPOINT_URL": f"http://user:{_SECRET}@127.0.0.1:9",
    "SASQUATCH_URL": f"http://user:{_SECRET}@127.0.0.1:9",
    "LEDGER_URL": f"redis://user:{_SECRET}@127.0.0.1:9/0",
    "CONFIG_APDB": f"postgresql+psycopg2://user:{_SECRET}@127.0.0.1:9/apdb",
    "CENTRAL_REPO": f"https://user:{_SECRET}@127.0.0.1:9/repo",
    "BUTLER_REPOSITORY": f"https://user:{_SECRET}@127.0.0.1:9/repo",
}


@pytest.mark.parametrize("scheme", ["as they are", "of no use"])
@pytest.mark.parametrize(
    "command", ["fan-out", "worker", "raw-presence", "butler-writer", "initialize", "status"]
)
def test_no_password_is_shown(command: str, scheme: str) -> None:
    spoilt = {
        name: f"no-{address}" if scheme == "of no use" else address for name, address in _ADDRESSES.items()
    }
    environment = {**ENVIRONMENT, **spoilt, "METRICS_PORT": "0", "PORT": "0", "USE_KAFKA_BUTLER_WRITER": "0"}
    # Long enough for one that waits for its neighbours to say so; longer on a machine with much else to do.
    shown = said_by(command, environment, seconds=8) or said_by(command, environment, seconds=60)
    assert shown
    assert _SECRET not in shown


def said_by(command: str, environment: Mapping[str, str], seconds: float) -> str:
    """Run a command that fails, or waits for its neighbours; returns what it wrote."""
    try:
        ended = subprocess.run(  # noqa: S603 - this project's own command
            [sys.executable, "-P", "-m", "entrypoints", command],
            env={"PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return "".join(part.decode() for part in (error.stdout, error.stderr) if part)
    assert ended.returncode != 0
    return ended.stdout + ended.stderr
