"""Passwords and TLS, as the settings give them."""

import contextlib
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.redis.queue.work_queue import RedisWorkQueue
from ports.ledger import LedgerUnavailableError
from ports.work_queue import QueueUnavailableError
from simulator.servers.process import start_process, stop_process
from tests.contract_suites.ledger import IDENTITY, a_lease
from tests.integration.kafka.certificates import make_certificates
from tests.integration.redis.benches import redis_claims, redis_ledger

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    """Port of a server that speaks TLS only, and asks for the password "se/same"."""
    executable = shutil.which("redis-server")
    if executable is None:
        pytest.skip("redis-server is not installed")
    files = make_certificates(folder)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    options = {
        "port": "0",
        "tls-port": str(port),
        "bind": "127.0.0.1",
        "dir": str(folder),
        "save": "",
        "tls-cert-file": str(files.key_and_chain),
        "tls-key-file": str(files.key_and_chain),
        "tls-ca-cert-file": str(files.ca),
        "tls-auth-clients": "no",
        "requirepass": "se/same",
        "logfile": str(folder / "log"),
    }
    process = start_process(
        [executable, *(word for key, value in options.items() for word in (f"--{key}", value))]
    )
    try:
        for _ in range(1000):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
                break
            time.sleep(0.01)
        yield port
    finally:
        stop_process(process)


def _url(port: int, folder: Path, password: str = "se%2Fsame") -> str:  # noqa: S107 - of a test
    return f"rediss://:{password}@127.0.0.1:{port}/0?ssl_ca_certs={folder / 'ca.pem'}"


async def test_work_is_leased_and_recorded_over_tls(port: int, folder: Path) -> None:
    url = _url(port, folder)
    async with (
        RedisWorkQueue(url, stream="s", group="g", consumer="c") as queue,
        redis_ledger(url) as ledger,
    ):
        assert await queue.lease(0.1) is None
        begun = await ledger.begin(IDENTITY, "w", a_lease())
        with redis_claims(url) as claims:
            claims.claim(begun.attempt, [1])
        assert await ledger.has_claim(IDENTITY)


async def test_a_wrong_password_is_said_and_not_shown(port: int, folder: Path) -> None:
    with pytest.raises(LedgerUnavailableError, match="password") as caught:
        async with redis_ledger(_url(port, folder, "guessed")):
            pass
    assert "guessed" not in str(caught.value)


async def test_a_server_of_another_authority_is_refused(port: int, tmp_path: Path) -> None:
    other = make_certificates(tmp_path)
    url = f"rediss://:se%2Fsame@127.0.0.1:{port}/0?ssl_ca_certs={other.ca}"
    with pytest.raises(QueueUnavailableError, match="certificate"):
        async with RedisWorkQueue(url, stream="s", group="g", consumer="c"):
            pass


async def test_an_authority_that_is_not_there_is_an_error(port: int, tmp_path: Path) -> None:
    url = f"rediss://:se%2Fsame@127.0.0.1:{port}/0?ssl_ca_certs={tmp_path / 'none.pem'}"
    with pytest.raises(LedgerUnavailableError):
        async with redis_ledger(url):
            pass
