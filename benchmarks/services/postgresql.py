"""A PostgreSQL server for one measurement, where its programs are installed."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, override

from simulator.servers.service import Service

__all__ = ["PostgresqlServer", "why_not"]

_USER = "benchmark"
_START_SECONDS = 20.0


def why_not() -> str:
    """Say what is missing for a registry on PostgreSQL; blank: nothing."""
    if _programs() is None:
        return "no server under /usr/lib/postgresql"
    return "" if find_spec("psycopg2") else "the package psycopg2-binary is not installed"


class PostgresqlServer(Service):
    """A server on 127.0.0.1 with the settings that it comes with, btree_gist added; one database."""

    is_real = True
    description = "PostgreSQL"

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._folder = ""
        self._port = 0

    @property
    def url(self) -> str:
        """Address for SQLAlchemy."""
        return f"postgresql+psycopg2://{_USER}@127.0.0.1:{self._port}/postgres"

    @override
    def start(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="benchmark-postgresql-")
        try:
            account = _account()
            if account:
                shutil.chown(self._folder, account["user"], account["group"])
            data = f"{self._folder}/data"
            _run("initdb", ["-D", data, "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C"], account)
            with socket.create_server(("127.0.0.1", 0)) as free:
                self._port = int(free.getsockname()[1])
            self._launch(account)
            self._wait()
        except BaseException:
            self.stop()
            raise

    def _launch(self, account: dict[str, Any]) -> None:
        options = ["-D", f"{self._folder}/data", "-h", "127.0.0.1", "-p", str(self._port), "-k", self._folder]
        with Path(f"{self._folder}/log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [_program("postgres"), *options], stderr=log, cwd="/", start_new_session=True, **account
            )

    def break_off(self) -> None:
        """End it as if by a crash: whoever is connected is cut off."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_START_SECONDS)

    def go_on(self) -> None:
        """Start it again on what it has kept; it may take a moment to answer."""
        self._launch(_account())

    @override
    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_START_SECONDS)
            self._process = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = ""

    def _wait(self) -> None:
        """Wait until the server has made the extension that a registry needs."""
        end = time.monotonic() + _START_SECONDS
        command = ["-h", "127.0.0.1", "-p", str(self._port), "-U", _USER, "-d", "postgres", "-q"]
        while True:
            try:
                _run("psql", [*command, "-c", "CREATE EXTENSION btree_gist"], {})
            except subprocess.CalledProcessError as error:
                if time.monotonic() > end:
                    raise RuntimeError(f"PostgreSQL does not come up: {error.stderr.decode()}") from error
                time.sleep(0.1)
            else:
                return


def _programs() -> Path | None:
    """Find the newest version's folder."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    return folders[-1] if folders else None


def _program(name: str) -> str:
    return str((_programs() or Path()) / name)


def _account() -> dict[str, Any]:
    """Choose who runs the server, which refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    entry = names["postgres" if "postgres" in names else "nobody"]
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _run(name: str, arguments: Sequence[str], account: dict[str, Any]) -> None:
    subprocess.run([_program(name), *arguments], check=True, capture_output=True, cwd="/", **account)  # noqa: S603 - our own command
