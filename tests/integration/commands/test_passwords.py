"""No process that fails to start shows a password that stands in an address."""

import subprocess
import sys

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
    try:
        ended = subprocess.run(  # noqa: S603 - this project's own command
            [sys.executable, "-P", "-m", "entrypoints", command],
            env={"PATH": "/usr/bin:/bin", **environment},
            capture_output=True,
            text=True,
            timeout=8,
            check=False,
        )
        shown = ended.stdout + ended.stderr
        assert ended.returncode != 0
    except subprocess.TimeoutExpired as error:
        # It waits for its neighbours, and says so.
        shown = "".join(part.decode() for part in (error.stdout, error.stderr) if part)
    assert shown
    assert _SECRET not in shown
