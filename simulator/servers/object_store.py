"""An S3 server for one night that tells Kafka of new images, as Ceph's gateway does."""

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import override

from simulator.servers.process import read_line, start_process, stop_process
from simulator.servers.service import Service

__all__ = ["ObjectStore"]

_START_SECONDS = 60.0


class ObjectStore(Service):
    """moto's S3 server in a process of its own; everything is lost with it.

    Parameters
    ----------
    bootstrap_servers
        The Kafka that is told of new objects; must outlive the store.
    image_bucket
        The one bucket whose new objects it is told of.
    topic
        Where notifications go.
    other_buckets
        More buckets that are there from the start.
    """

    description = "moto's S3 server (in memory), notifications relayed in Ceph's format"
    is_real = False

    def __init__(
        self, bootstrap_servers: str, *, image_bucket: str, topic: str, other_buckets: Sequence[str] = ()
    ) -> None:
        self._arguments = (bootstrap_servers, topic, image_bucket, *other_buckets)
        self._process: subprocess.Popen[str] | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Endpoint for S3 clients; empty while it does not run."""
        return self._url

    @property
    def environment(self) -> dict[str, str]:
        """What a client process needs in its environment to use the store."""
        return {
            "S3_ENDPOINT_URL": self._url,
            "AWS_ACCESS_KEY_ID": "simulator",
            "AWS_SECRET_ACCESS_KEY": "simulator",
            "AWS_DEFAULT_REGION": "us-east-1",
            # Neither the user's own profiles nor a cloud's instance role are for this server.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @override
    def start(self) -> None:
        self._process = start_process(
            [sys.executable, "-P", "-m", "simulator.servers.object_store_process", *self._arguments]
        )
        try:
            self._url = read_line(self._process, timeout=_START_SECONDS)
        except BaseException:
            self.stop()
            raise

    @override
    def stop(self) -> None:
        if self._process is not None:
            stop_process(self._process)
        self._process = None
        self._url = ""
