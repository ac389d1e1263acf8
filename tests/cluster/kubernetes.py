"""The API server, as far as the trial asks it."""

import json
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
import urllib3
import yaml
from attrs import field, frozen

__all__ = ["Kubernetes", "Object", "wait_for"]

type Object = dict[str, Any]

_URL = "https://127.0.0.1:6443"
_TIMEOUT = 30.0


def wait_for[T](what: str, ask: Callable[[], T | None], seconds: float, every: float = 0.5) -> T:
    """Ask until there is an answer that is true; returns it.

    Raises
    ------
    TimeoutError
        Raised if there is none in time.
    """
    end = time.monotonic() + seconds
    while not (answer := ask()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(every)
    return answer


@frozen
class Kubernetes:
    """A client that may do everything, and the file by which other programs do."""

    folder: Path
    token: str
    kubectl_program: Path
    _session: requests.Session = field(init=False, factory=requests.Session)

    def __attrs_post_init__(self) -> None:
        # The server's certificate is its own, on an address that only this trial reaches.
        urllib3.disable_warnings()
        self._session.trust_env = False
        self._session.verify = False
        self._session.headers["Authorization"] = f"Bearer {self.token}"
        cluster = {"server": _URL, "insecure-skip-tls-verify": True}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "trial", "cluster": cluster}],
            "users": [{"name": "trial", "user": {"token": self.token}}],
            "contexts": [{"name": "trial", "context": {"cluster": "trial", "user": "trial"}}],
            "current-context": "trial",
        }
        self.config.write_text(yaml.safe_dump(content))

    @property
    def config(self) -> Path:
        """The file."""
        return self.folder / "kubeconfig"

    def is_ready(self) -> bool:
        """Tell whether the server answers."""
        try:
            return self._session.get(f"{_URL}/readyz", timeout=5).status_code == HTTPStatus.OK
        except requests.RequestException:
            return False

    def get(self, path: str, **query: str) -> Object:
        """Read an object, or a list of them."""
        return self._ask("GET", path, params=query)

    def items(self, path: str, **query: str) -> Sequence[Object]:
        """Read a list's objects."""
        return list(self.get(path, **query).get("items", []))

    def delete(self, path: str, **options: object) -> None:
        """Delete an object, with what it owns."""
        body = {"propagationPolicy": "Background", **options}
        self._ask("DELETE", path, data=json.dumps(body), headers={"Content-Type": "application/json"})

    def create(self, path: str, content: Mapping[str, object]) -> Object:
        """Make an object."""
        return self._ask("POST", path, json=content)

    def patch(self, path: str, content: Mapping[str, object]) -> Object:
        """Change an object."""
        kind = {"Content-Type": "application/merge-patch+json"}
        return self._ask("PATCH", path, data=json.dumps(content), headers=kind)

    def kubectl(self, *words: str) -> str:
        """Call kubectl; returns what it says."""
        command = [str(self.kubectl_program), f"--kubeconfig={self.config}", *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=_TIMEOUT * 4)
        return done.stdout + done.stderr

    def _ask(self, method: str, path: str, **options: Any) -> Object:
        answer = self._session.request(method, _URL + path, timeout=_TIMEOUT, **options)
        if not answer.ok:
            raise RuntimeError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        found: Object = answer.json()
        return found
