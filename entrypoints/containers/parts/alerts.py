"""The broker of alerts."""

from adapters.kafka.connection import KafkaConnection
from entrypoints.settings.alerts import AlertSettings

__all__ = ["alert_connection"]


def alert_connection(alerts: AlertSettings) -> KafkaConnection:
    """Say how the broker of alerts is reached, where one is named."""
    return KafkaConnection(
        bootstrap_servers=alerts.server or "",
        security_protocol=alerts.security_protocol if alerts.username else "",
        username=alerts.username,
        password=alerts.password,
    )
