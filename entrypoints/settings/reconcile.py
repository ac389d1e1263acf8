"""Settings of the reconciliation: those of workers and fan-out, as far as they matter."""

from pathlib import Path

from attrs import frozen

from entrypoints.settings.common import LedgerSettings, RedisSettings
from entrypoints.settings.environment import group, setting
from entrypoints.settings.parsers import existing_file, http_uri_or, optional, text

__all__ = ["ReconcileSettings"]


@frozen(kw_only=True)
class ReconcileSettings:
    """What `reconcile` is told."""

    redis: RedisSettings = group(RedisSettings)
    ledger: LedgerSettings = group(LedgerSettings)

    instrument: str | None = setting(
        "RUBIN_INSTRUMENT", optional, "short name of the instrument; --instrument goes before it", default=""
    )
    camera_file: str | None = setting(
        "CAMERA_FILE", optional, "camera's YAML file; by default the shipped one", default=""
    )
    redis_host: str = setting(
        "REDIS_STREAM_HOST", text, "host, or host:port, of Redis; sqlite:///file on one machine"
    )
    workers_group: str = setting(
        "REDIS_STREAM_CONSUMER_GROUP",
        text,
        "consumer group of the workers; {instrument} in it is the instrument in lower case",
        default="workers",
    )
    config_file: Path = setting(
        "INSTRUMENT_CONFIG_FILE", existing_file, "the fan-out's YAML: streams and active detectors"
    )
    s3_endpoint: str = setting(
        "S3_ENDPOINT_URL",
        http_uri_or("file"),
        "the image bucket's S3 server; file:///folder on one machine, which has the bucket as a folder",
    )
    bucket: str = setting("IMAGE_BUCKET", text, "bucket of the raw images")
