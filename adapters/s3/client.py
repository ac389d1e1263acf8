"""An S3 client that gives up before its caller does."""

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

import boto3
from attrs import field, frozen
from botocore.config import Config
from botocore.handlers import validate_bucket_name

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

__all__ = ["S3Connection", "connect"]


@frozen(kw_only=True)
class S3Connection:
    """Where the store is, and for how long to wait for it."""

    endpoint_url: str = field(default="", repr=False)
    """Blank for Amazon's own; may hold an access key and secret, ``https://key:secret@host``,
    with slashes written as ``%2F``."""
    profile: str = ""
    """Name of a profile in the AWS credentials file; blank for the default."""
    validate_bucket: bool = True
    """False lets Ceph's ``tenant:bucket`` names through."""
    connect_timeout: float = 1.0
    """Seconds."""
    read_timeout: float = 3.0
    """Seconds without a byte."""
    pool: int = 4
    """Connections kept open."""


def connect(connection: S3Connection) -> "S3Client":
    """Make a client; nothing is sent yet.

    It never retries by itself, so that the caller knows how long a call takes.
    """
    parts = urlsplit(connection.endpoint_url)
    host = parts.netloc.rpartition("@")[2]
    bare = urlunsplit((parts.scheme, host, parts.path, "", "")) if connection.endpoint_url else None
    client = boto3.Session(profile_name=connection.profile or None).client(
        "s3",
        endpoint_url=bare,
        aws_access_key_id=unquote(parts.username) if parts.username else None,
        aws_secret_access_key=unquote(parts.password) if parts.password else None,
        config=_config(connection, path_style=bare is not None),
    )
    if not connection.validate_bucket:
        client.meta.events.unregister("before-parameter-build.s3", validate_bucket_name)
    return client


def _config(connection: S3Connection, *, path_style: bool) -> Config:
    return Config(
        connect_timeout=connection.connect_timeout,
        read_timeout=connection.read_timeout,
        retries={"total_max_attempts": 1},
        max_pool_connections=connection.pool,
        # Gateways seldom have a host name for every bucket.
        s3={"addressing_style": "path"} if path_style else {},
        tcp_keepalive=True,
    )
