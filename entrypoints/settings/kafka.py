"""How processes reach Kafka; the same names mean other clusters in other processes."""

from attrs import frozen

from entrypoints.settings.environment import setting
from entrypoints.settings.parsers import choice, seconds, text

__all__ = [
    "GROUP_PROTOCOL",
    "NO_BROKER",
    "TLS_VERIFY",
    "KafkaSettings",
    "WriterKafkaSettings",
    "group_protocol",
    "tls_verify",
]

NO_BROKER = "none"
"""In place of brokers: a worker on one machine, whom nobody notifies of raws."""

GROUP_PROTOCOL = "classic, or consumer for brokers that know KIP-848: members come and go sooner"
group_protocol = choice("classic", "consumer")

TLS_VERIFY = "full; ca: any name in the brokers' certificates will do; 0: they are not checked at all"
tls_verify = choice("full", "ca", "0")


@frozen(kw_only=True)
class KafkaSettings:
    """The process's main cluster."""

    servers: str = setting(
        "KAFKA_CLUSTER", text, "host:port of Kafka; none: a worker on one machine, whom nobody notifies"
    )
    security_protocol: str = setting(
        "SECURITY_PROTOCOL", text, "as Kafka spells it; by default from user name and CA", default=""
    )
    sasl_mechanism: str = setting("SASL_MECHANISM", text, "as Kafka spells it", default="SCRAM-SHA-512")
    username: str = setting("SASL_USERNAME", text, "blank: no authentication", default="")
    password: str = setting("SASL_PASSWORD", text, "password of the user", default="", secret=True)
    ca_file: str = setting("KAFKA_CA_FILE", text, "CA of the brokers' certificates", default="")
    tls_verify: str = setting("KAFKA_TLS_VERIFY", tls_verify, TLS_VERIFY, default="full")
    fetch_wait: float = setting(
        "KAFKA_FETCH_WAIT", seconds, "s a broker may hold back an empty answer", default="0.1"
    )
    session_timeout: float = setting(
        "KAFKA_SESSION_TIMEOUT", seconds, "s after which a silent member of a group is replaced", default="10"
    )
    group_protocol: str = setting("KAFKA_GROUP_PROTOCOL", group_protocol, GROUP_PROTOCOL, default="classic")


@frozen(kw_only=True)
class WriterKafkaSettings:
    """The cluster on which workers tell the Butler Writer."""

    servers: str = setting("BUTLER_WRITER_KAFKA_CLUSTER", text, "host:port of the writer's Kafka", default="")
    username: str = setting("BUTLER_WRITER_KAFKA_USERNAME", text, "blank: no authentication", default="")
    password: str = setting(
        "BUTLER_WRITER_KAFKA_PASSWORD", text, "password of the user", default="", secret=True
    )
    topic: str = setting("BUTLER_WRITER_KAFKA_TOPIC", text, "topic that the writer reads", default="")
