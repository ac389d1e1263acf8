"""Where alerts go: variables that tasks in a worker's child read by themselves, under names of their own."""

from attrs import frozen

from entrypoints.settings.environment import setting
from entrypoints.settings.parsers import optional, text

__all__ = ["AlertSettings"]


@frozen(kw_only=True)
class AlertSettings:
    """The alert broker, checked before any visit needs it.

    Raises
    ------
    ValueError
        Raised if a server is named without a topic, or the other way round.
    """

    server: str | None = setting("AP_KAFKA_SERVER", optional, "host:port of the alert broker", default="")
    topic: str | None = setting("AP_KAFKA_TOPIC", optional, "topic of alerts", default="")
    username: str = setting("AP_KAFKA_PRODUCER_USERNAME", text, "blank: no authentication", default="")
    password: str = setting(
        "AP_KAFKA_PRODUCER_PASSWORD", text, "password of the user", default="", secret=True
    )
    security_protocol: str = setting(
        "AP_KAFKA_SECURITY_PROTOCOL", text, "as Kafka spells it", default="SASL_PLAINTEXT"
    )
    folder: str | None = setting(
        "AP_ALERT_FOLDER", optional, "URI of a folder for files of alerts, without a broker", default=""
    )

    def __attrs_post_init__(self) -> None:
        if (self.server is None) != (self.topic is None):
            raise ValueError("AP_KAFKA_SERVER and AP_KAFKA_TOPIC must both be set, or neither")
