"""The process of the simulated object store: moto's S3 behind the relay of notifications.

Its address is the only line on its standard output. It ends when it is asked
to, or when its standard input does, which is when whoever started it is gone.
"""

import http.client
import logging
import os
import signal
import sys
import threading
from typing import override

from moto.moto_server.werkzeug_app import MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from simulator.servers.notifications import NotificationRelay, NotificationSender

__all__ = ["main"]


class _Handler(MotoRequestHandler):
    @override
    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing: one line a request would drown the night's."""


def main(bootstrap_servers: str, topic: str, image_bucket: str, *other_buckets: str) -> None:
    """Serve until the process is told to end."""
    logging.basicConfig(level=logging.WARNING, format="object store: %(message)s")
    sender = NotificationSender(bootstrap_servers, topic)
    # Not behind moto's dispatcher, which asks of each request which of AWS's services it is for.
    application = NotificationRelay(create_backend_app("s3"), image_bucket, sender)
    # Many clients come at once; werkzeug's threads are enough for one machine.
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for bucket in (image_bucket, *other_buckets):
        _create_bucket(server.port, bucket)
    sys.stdout.write(f"http://127.0.0.1:{server.port}\n")
    sys.stdout.flush()
    _wait_for_the_end()
    # Nothing here outlives the process, so there is nothing to close in order.
    os._exit(0)


def _create_bucket(port: int, bucket: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("PUT", f"/{bucket}", headers={"Host": "s3.amazonaws.com"})
    status = connection.getresponse().status
    connection.close()
    if status != http.client.OK:
        raise SystemExit(f"object store: the bucket {bucket} cannot be made: {status}")


def _wait_for_the_end() -> None:
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())

    def watch_input() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=watch_input, daemon=True).start()
    over.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
