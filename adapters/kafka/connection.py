"""How to reach a Kafka cluster, as librdkafka wants to be told."""

import enum
import logging
from typing import Any, Final

from attrs import field, frozen

__all__ = ["KafkaConnection", "TlsVerify", "client_config", "consumer_config", "producer_config"]

_LOG: Final = logging.getLogger(__name__)


class TlsVerify(enum.StrEnum):
    """What is asked of a broker's certificate."""

    FULL = "full"
    """That a trusted authority signed it, and that it names the broker's address."""
    CA = "ca"
    """That a trusted authority signed it, for whatever name: brokers without an entry in DNS."""
    NONE = "0"
    """Nothing: whoever answers at the address is believed."""


@frozen(kw_only=True)
class KafkaConnection:
    """One cluster, and who asks."""

    bootstrap_servers: str
    """``host:port``, several joined by commas."""
    security_protocol: str = ""
    """As Kafka spells it; blank: follows from whether there are a user name and a CA."""
    sasl_mechanism: str = "SCRAM-SHA-512"
    username: str = ""
    """Blank: no authentication."""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    """Certificates to trust, PEM; blank: the system's, where TLS is on."""
    tls_verify: TlsVerify = TlsVerify.FULL
    timeout: float = 10.0
    """Seconds that one request to a broker may take."""
    fetch_wait: float = 0.1
    """Seconds that a broker may hold back the answer to a fetch while it has nothing to
    send. A real broker answers as soon as it has; librdkafka's mock cluster does not, so
    this is the latency there: 0.005 makes a demo quick, and a cluster of a thousand
    workers busy."""
    group_protocol: str = "classic"
    """``consumer`` for brokers that know KIP-848 (4.0 and later, and the mock cluster):
    members come and go without the seconds of waiting that ``classic`` needs."""
    session_timeout: float = 10.0
    """Seconds after which a silent member of a classic group is replaced."""
    debug: str = ""
    """librdkafka's debug contexts, logged at DEBUG by this module's logger; blank: none."""

    @property
    def protocol(self) -> str:
        """The security protocol in force."""
        if self.security_protocol:
            return self.security_protocol.upper()
        secure = "SSL" if self.ca_file else "PLAINTEXT"
        return f"SASL_{secure}" if self.username else secure


def consumer_config(connection: KafkaConnection, *, group: str, offset_reset: str) -> dict[str, Any]:
    """Configure a consumer that commits only when told to.

    Parameters
    ----------
    connection
        The cluster.
    group
        Consumer group.
    offset_reset
        ``earliest`` or ``latest``, for a group without offsets; ``error`` for one that
        never relies on them.
    """
    config = client_config(connection) | {
        "group.id": group,
        "group.protocol": connection.group_protocol,
        "auto.offset.reset": offset_reset,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "fetch.wait.max.ms": max(1, round(connection.fetch_wait * 1000)),
        # How long a missing topic is taken for one that is about to be made.
        "topic.metadata.propagation.max.ms": 5_000,
        "topic.metadata.refresh.interval.ms": 60_000,
    }
    if connection.group_protocol == "classic":
        config["session.timeout.ms"] = round(connection.session_timeout * 1000)
        config["heartbeat.interval.ms"] = round(connection.session_timeout * 200)
    return config


def producer_config(connection: KafkaConnection, *, delivery_timeout: float) -> dict[str, Any]:
    """Configure a producer whose messages are acknowledged by all replicas.

    Parameters
    ----------
    connection
        The cluster.
    delivery_timeout
        Seconds after which an unacknowledged message is given up.
    """
    return client_config(connection) | {
        "acks": "all",
        "delivery.timeout.ms": max(1, round(delivery_timeout * 1000)),
        "linger.ms": 0,
    }


def client_config(connection: KafkaConnection) -> dict[str, Any]:
    """Configure what every kind of client has in common."""
    milliseconds = max(1, round(connection.timeout * 1000))
    config: dict[str, Any] = {
        "bootstrap.servers": connection.bootstrap_servers,
        "security.protocol": connection.protocol,
        "client.id": "prompt-processing",
        "socket.timeout.ms": milliseconds,
        "socket.connection.setup.timeout.ms": max(1000, milliseconds),
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 2_000,
        "logger": _LOG,
        # It would say anew at every attempt that a broker refuses; whoever uses the
        # connection is told as well, and says it once.
        "log_level": 2,
    }
    if connection.debug:
        config |= {"debug": connection.debug, "log_level": 7}
    if connection.username:
        config |= {
            "sasl.mechanism": connection.sasl_mechanism,
            "sasl.username": connection.username,
            "sasl.password": connection.password,
        }
    if connection.ca_file:
        config["ssl.ca.location"] = connection.ca_file
    if connection.tls_verify is not TlsVerify.FULL:
        config["ssl.endpoint.identification.algorithm"] = "none"
    if connection.tls_verify is TlsVerify.NONE:
        config["enable.ssl.certificate.verification"] = False
    return config
