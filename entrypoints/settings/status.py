"""Settings of the look at a night: those of the instrument's workers, as far as they matter."""

from attrs import frozen

from entrypoints.settings.common import LedgerSettings, RedisSettings
from entrypoints.settings.environment import group, setting
from entrypoints.settings.parsers import text

__all__ = ["StatusSettings"]


@frozen(kw_only=True)
class StatusSettings:
    """What `status` is told."""

    redis: RedisSettings = group(RedisSettings)
    ledger: LedgerSettings = group(LedgerSettings)

    instrument: str = setting("RUBIN_INSTRUMENT", text, "short name of the instrument")
    redis_host: str = setting(
        "REDIS_STREAM_HOST", text, "host, or host:port, of Redis; sqlite:///file on one machine"
    )
    stream: str = setting("REDIS_STREAM_NAME", text, "stream of fanned-out visits")
    workers_group: str = setting("REDIS_STREAM_CONSUMER_GROUP", text, "consumer group of the workers")
