"""MinIO itself, a real object store that notifies Kafka, where its binary is at hand."""

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

import boto3

__all__ = ["MinioServer", "NoMinioError", "minio_binary"]

_START_SECONDS = 60.0
_USER, _PASSWORD = "minio-user", "minio-password"
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
    """A server with one bucket, of which it tells a Kafka topic what is created.

    Parameters
    ----------
    binary
        The program.
    folder
        For its data.
    bootstrap_servers, topic
        Which is told.
    bucket
        Name of the bucket.
    """

    def __init__(self, binary: str, folder: Path, *, bootstrap_servers: str, topic: str, bucket: str) -> None:
        self._binary = binary
        self._folder = folder
        self._bucket = bucket
        self._environment = {
            **os.environ,
            "HOME": str(folder),
            "MINIO_ROOT_USER": _USER,
            "MINIO_ROOT_PASSWORD": _PASSWORD,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "MINIO_NOTIFY_KAFKA_ENABLE_NIGHT": "on",
            "MINIO_NOTIFY_KAFKA_BROKERS_NIGHT": bootstrap_servers,
            "MINIO_NOTIFY_KAFKA_TOPIC_NIGHT": topic,
        }
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.url = f"http://127.0.0.1:{free.getsockname()[1]}"
        self.endpoint = self.url.replace("//", f"//{_USER}:{_PASSWORD}@")
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
                aws_access_key_id=_USER,
                aws_secret_access_key=_PASSWORD,
                region_name="us-east-1",
            )
            self.client.create_bucket(Bucket=self._bucket)
            self.client.put_bucket_notification_configuration(
                Bucket=self._bucket,
                NotificationConfiguration={
                    "QueueConfigurations": [{"QueueArn": _ARN, "Events": ["s3:ObjectCreated:*"]}]
                },
            )
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
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
