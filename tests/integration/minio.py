"""MinIO itself, a real object store that can notify Kafka, where its binary is at hand."""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import boto3

__all__ = ["PASSWORD", "USER", "MinioServer", "NoMinioError", "minio_binary"]

_START_SECONDS = 60.0
USER, PASSWORD = "minio-user", "minio-password"
_ARN = "arn:minio:sqs::NIGHT:kafka"


class NoMinioError(Exception):
    """There is no MinIO here; the text says why."""


def minio_binary() -> str:
    """Find MinIO on the PATH, or where ``make minio`` puts it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "prompt-processing"
    built = cache / "bin" / "minio"
    found = shutil.which("minio") or (str(built) if built.exists() else None)
    if found is None:
        raise NoMinioError(f"there is no minio on the PATH, nor {built}, which `make minio` builds")
    return found


class MinioServer:
    """A server with some buckets.

    Parameters
    ----------
    binary
        The program.
    folder
        For its data.
    buckets
        Their names.
    told
        Bootstrap servers and topic that are told what is created in them.
    """

    def __init__(
        self, binary: str, folder: Path, *, buckets: Sequence[str], told: tuple[str, str] | None = None
    ) -> None:
        self._binary = binary
        self._folder = folder
        self._buckets = buckets
        self._tells = told is not None
        self._environment = {
            **os.environ,
            "HOME": str(folder),
            "MINIO_ROOT_USER": USER,
            "MINIO_ROOT_PASSWORD": PASSWORD,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }
        if told is not None:
            self._environment |= {
                "MINIO_NOTIFY_KAFKA_ENABLE_NIGHT": "on",
                "MINIO_NOTIFY_KAFKA_BROKERS_NIGHT": told[0],
                "MINIO_NOTIFY_KAFKA_TOPIC_NIGHT": told[1],
            }
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.endpoint = self.url.replace("//", f"//{USER}:{PASSWORD}@")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with (self._folder / "minio.log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - as written here
                [
                    self._binary,
                    "server",
                    "--address",
                    self.url.removeprefix("http://"),
                    str(self._folder / "data"),
                ],
                env=self._environment,
                stdout=log,
                stderr=log,
            )
        try:
            self._wait()
            self.client = boto3.client(
                "s3",
                endpoint_url=self.url,
                aws_access_key_id=USER,
                aws_secret_access_key=PASSWORD,
                region_name="us-east-1",
            )
            for bucket in self._buckets:
                self._make(bucket)
        except BaseException:
            self.stop()
            raise
        return self

    def _make(self, bucket: str) -> None:
        self.client.create_bucket(Bucket=bucket)
        if self._tells:
            self.client.put_bucket_notification_configuration(
                Bucket=bucket,
                NotificationConfiguration={
                    "QueueConfigurations": [{"QueueArn": _ARN, "Events": ["s3:ObjectCreated:*"]}]
                },
            )

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _wait(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/minio/health/ready", timeout=1):  # noqa: S310 - our own
                    return
            except (urllib.error.URLError, OSError):
                ended = self._process is None or self._process.poll() is not None
                if ended or time.monotonic() > end:
                    said = (self._folder / "minio.log").read_text()[-500:]
                    raise NoMinioError(f"MinIO does not start: {said}") from None
                time.sleep(0.1)
