"""From settings to the addresses and connections that adapters take."""

import functools
import logging
import os
import secrets
import socket
from urllib.parse import quote, urlsplit

from adapters.kafka.connection import KafkaConnection, TlsVerify
from adapters.s3.client import S3Connection
from entrypoints.settings.common import LedgerSettings, RedisSettings
from entrypoints.settings.kafka import KafkaSettings, WriterKafkaSettings

__all__ = [
    "group_of_workers",
    "is_same_server",
    "is_sql",
    "is_sqlite",
    "kafka_connection",
    "ledger_url",
    "process_name",
    "redis_url",
    "s3_connection",
    "tls_verification",
    "writer_connection",
]

_LOG = logging.getLogger(__name__)

_REDIS_PORT = 6379


def redis_url(host: str, settings: RedisSettings) -> str:
    """Write the address of Redis; `host` may name a port, or be that of an SQLite file in Redis' stead."""
    if is_sqlite(host):
        return host
    where = host if ":" in host else f"{host}:{_REDIS_PORT}"
    password = f":{quote(settings.password, safe='')}@" if settings.password else ""
    scheme = "rediss" if settings.tls else "redis"
    trusted = f"?ssl_ca_certs={quote(settings.ca_file)}" if settings.tls and settings.ca_file else ""
    return f"{scheme}://{password}{where}/0{trusted}"


def ledger_url(ledger: LedgerSettings, host: str, redis: RedisSettings) -> str:
    """Write the address of the ledger: LEDGER_URL, or the queue's Redis."""
    return ledger.url or redis_url(host, redis)


def is_same_server(url: str, other: str) -> bool:
    """Tell whether two addresses are of one server, whatever the user and the database."""
    places = [urlsplit(each) for each in (url, other)]
    return len({(place.hostname, place.port) for place in places}) == 1


def is_sqlite(url: str) -> bool:
    """Tell whether an address is that of an SQLite file, and not of Redis."""
    return url.startswith("sqlite:")


def is_sql(url: str) -> bool:
    """Tell whether an address is that of an SQL database, and not of Redis."""
    return url.startswith(("sqlite:", "postgresql:", "postgresql+"))


def group_of_workers(setting: str, instrument: str) -> str:
    """Name the consumer group of an instrument's workers."""
    return setting.replace("{instrument}", instrument.lower())


def kafka_connection(settings: KafkaSettings) -> KafkaConnection:
    """Describe a process's main cluster."""
    return KafkaConnection(
        bootstrap_servers=settings.servers,
        security_protocol=settings.security_protocol,
        sasl_mechanism=settings.sasl_mechanism,
        username=settings.username,
        password=settings.password,
        ca_file=settings.ca_file,
        tls_verify=tls_verification(settings.tls_verify),
        fetch_wait=settings.fetch_wait,
        session_timeout=settings.session_timeout,
        group_protocol=settings.group_protocol,
    )


def writer_connection(settings: WriterKafkaSettings, main: KafkaSettings) -> KafkaConnection:
    """Describe the cluster on which workers tell the Butler Writer, with certificates like the main one's."""
    return KafkaConnection(
        bootstrap_servers=settings.servers,
        username=settings.username,
        password=settings.password,
        ca_file=main.ca_file,
        tls_verify=tls_verification(main.tls_verify),
    )


@functools.cache
def tls_verification(word: str) -> TlsVerify:
    """Read KAFKA_TLS_VERIFY; warns, once, if it is less than full."""
    asked = TlsVerify(word)
    if asked is not TlsVerify.FULL:
        lacking = "the name in the brokers' certificates" if asked is TlsVerify.CA else "who the brokers are"
        _LOG.warning(
            "KAFKA_TLS_VERIFY=%s: %s is not checked, so that another host may pass for Kafka", word, lacking
        )
    return asked


def s3_connection(endpoint: str) -> S3Connection:
    """Describe the image bucket's server."""
    validate = os.environ.get("LSST_DISABLE_BUCKET_VALIDATION", "0") in {"", "0"}
    return S3Connection(endpoint_url=endpoint, validate_bucket=validate)


def process_name() -> str:
    """Name this process among its like.

    Host and process id tell a person where it runs; only the random part tells it
    apart: in containers on one host network all are process 1 of the same host.
    """
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
