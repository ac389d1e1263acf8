"""Ask the service in this container whether it is healthy, for engines that have no probes of their own.

``python -m entrypoints.services.healthy`` exits with 0 if it is, else with 1 and the
reason. It imports nothing but the standard library: it runs every few seconds.
"""

import http.client
import os
import sys
from collections.abc import Mapping
from http import HTTPStatus

__all__ = ["main"]

_PATIENCE = 6.0  # Seconds: the service itself gives its event loop 5.
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - nothing is bound here


def main(environ: Mapping[str, str]) -> str:
    """Ask, by METRICS_HOST and METRICS_PORT; returns what is wrong, blank if nothing is."""
    host = environ.get("METRICS_HOST") or "127.0.0.1"
    port = environ.get("METRICS_PORT") or "8000"
    where = f"http://{host}:{port}/healthz"
    if not port.isdecimal() or not 0 < int(port) < 1 << 16:
        return f"METRICS_PORT is {port!r}: no port that can be asked"
    connection = http.client.HTTPConnection(_ANY.get(host, host), int(port), timeout=_PATIENCE)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return f"{where}: {error or type(error).__name__}"
    finally:
        connection.close()
    return "" if answer.status == HTTPStatus.OK else f"{where}: {answer.status} {text}"


if __name__ == "__main__":
    if reason := main(os.environ):
        sys.exit(reason)
