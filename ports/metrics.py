"""The closed list of what is counted and timed."""

import enum
from typing import Protocol

__all__ = ["Counter", "Duration", "Gauge", "Metrics"]


class Counter(enum.Enum):
    """Counters: name, meaning, and the labels that each sample has."""

    OUTCOMES = "outcomes", "Attempts ended, by outcome", ("instrument", "outcome")
    VISIT_DETECTORS = (
        "visit_detectors",
        "Visit-detectors that ended for good: in time, late or failed; not those whose images never came",
        ("instrument", "promptness"),
    )
    VISITS_FANNED_OUT = "visits_fanned_out", "Visits published to the queue", ("instrument", "novelty")
    ANNOUNCEMENTS_DROPPED = "announcements_dropped", "Announcements not published, by reason", ("reason",)
    LEASES_LOST = "leases_lost", "Attempts whose lease was lost", ("instrument",)
    QUEUES_LOST = (
        "queues_lost",
        "Times that a queue lost work and was rebuilt, by what became of it",
        ("queue", "kind"),
    )
    QUEUE_LAGS_REPAIRED = (
        "queue_lags_repaired",
        "Times that Redis had lost count of a queue's lag, and was told it",
        ("queue",),
    )
    LEDGER_RECORDS_NOT_READ = (
        "ledger_records_not_read",
        "Records of visit-detectors in the ledger that could not be read, each once in a process",
        ("instrument", "kind"),
    )
    NOTIFICATIONS = "notifications", "Bucket notifications read, by what they were", ("kind",)
    RAWS_INDEXED = "raws_indexed", "Raws that the microservice took in", ("instrument",)
    FRAME_FILES = (
        "frame_files",
        "Files of watched folders that were dealt with, by what became of them",
        ("instrument", "ending"),
    )
    SITE_JOBS = (
        "site_jobs",
        "What a site did by itself between images, by how it ended",
        ("instrument", "kind", "ending"),
    )
    SITE_REMOVED = (
        "site_removed",
        "Raws and images that a site kept no longer, by what they were",
        ("instrument", "what"),
    )
    PRESENCE_REQUESTS = "presence_requests", "Requests to the microservice, by answer", ("status",)
    VISIT_DETECTORS_HELD = (
        "visit_detectors_held",
        "Visit-detectors beyond a limit of quality, whose alerts wait for a person",
        ("instrument",),
    )
    ALERTS_WAITING = (
        "alerts_waiting",
        "Alerts that no broker took in time, laid down beside the outputs",
        ("instrument",),
    )
    ALERTS_DELIVERED = (
        "alerts_delivered",
        "Alerts of the outbox that the courier has sent, or discarded as not stored",
        ("instrument", "end"),
    )
    WRITER_MESSAGES = "writer_messages", "Messages that workers handed to the writer", ("instrument",)
    WRITER_EVENTS = "writer_events", "Workers' messages, by what the writer did", ("result",)
    WRITER_DATASETS = "writer_datasets", "Datasets that the writer made known", ()
    MEASUREMENTS_LOST = "measurements_lost", "Measurements of stage times not uploaded", ("reason",)
    CLOCK_SKEW = "clock_skew", "Instants that differ from this clock by more than a second", ("source",)

    def __init__(self, key: str, meaning: str, labels: tuple[str, ...]) -> None:
        self.key = key
        self.meaning = meaning
        self.labels = labels


class Duration(enum.Enum):
    """Distributions of seconds: name, meaning, labels."""

    ALERT = "alert_seconds", "From the shutter's closing to the end of the pipeline", ("instrument",)
    STAGE = "stage_seconds", "Time a visit-detector spent in a stage", ("instrument", "stage")
    ATTEMPT = "attempt_seconds", "From the beginning of an attempt to its outcome", ("instrument",)
    FAN_OUT = "fan_out_seconds", "From reading an announcement to its last copy", ()
    WRITER_BATCH = "writer_batch_seconds", "Time to apply one batch", ()

    def __init__(self, key: str, meaning: str, labels: tuple[str, ...]) -> None:
        self.key = key
        self.meaning = meaning
        self.labels = labels


class Gauge(enum.Enum):
    """What stands at a value that goes up and down: name, meaning, labels."""

    QUEUE = (
        "queue_entries",
        "Deliveries of a queue that are waiting, leased, delayed or dead",
        ("queue", "state"),
    )
    QUALITY = (
        "visit_quality",
        "Quality of the last visit-detector of a worker, by measure",
        ("instrument", "measure"),
    )
    WORKERS = (
        "workers",
        "Workers of the process: running, and those of them that are processing a visit-detector",
        ("instrument", "state"),
    )
    BUILD = (
        "build_info",
        "1, with what runs: version of the release, deployment id of workers, version of the chart",
        ("version", "deployment", "chart"),
    )
    ALERTS_IN_OUTBOX = "alerts_in_outbox", "Alerts that wait in the outbox, held ones among them", ()
    WRITER_OLDEST = (
        "writer_oldest_timestamp_seconds",
        "When the oldest message that the writer is at was sent, Unix time; 0 if it is at none",
        (),
    )

    def __init__(self, key: str, meaning: str, labels: tuple[str, ...]) -> None:
        self.key = key
        self.meaning = meaning
        self.labels = labels


class Metrics(Protocol):
    """Takes samples, from any thread; never fails and never waits.

    Labels other than those that a metric lists are a mistake of the program and
    raise `ValueError`.
    """

    def count(self, counter: Counter, amount: int = 1, **labels: str) -> None:
        """Raise a counter; labels are exactly those that it lists."""
        ...

    def observe(self, duration: Duration, seconds: float, **labels: str) -> None:
        """Add a sample to a distribution; labels are exactly those that it lists."""
        ...

    def set(self, gauge: Gauge, value: float, **labels: str) -> None:
        """Say where a gauge stands; labels are exactly those that it lists."""
        ...

    def add(self, gauge: Gauge, amount: float, **labels: str) -> None:
        """Raise a gauge, or lower it; labels are exactly those that it lists."""
        ...
