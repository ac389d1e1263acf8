"""What the processes of the night are told: the variables of production, with this machine's values."""

import contextlib
import json
import os
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from attrs import frozen

from entrypoints.settings.alerts import CourierSettings
from entrypoints.settings.butler_writer import ButlerWriterSettings
from entrypoints.settings.environment import REQUIRED, describe_settings
from entrypoints.settings.fan_out import FanOutSettings
from entrypoints.settings.raw_presence import RawPresenceSettings
from entrypoints.settings.status import StatusSettings
from entrypoints.settings.worker import ChildSettings, WorkerSettings
from simulator.summit.night import NightPlan

__all__ = ["Addresses", "Topics", "process_environment", "status_variables", "variables", "within"]

_ALL = (
    WorkerSettings,
    ChildSettings,
    FanOutSettings,
    RawPresenceSettings,
    ButlerWriterSettings,
    CourierSettings,
)
_LEASE = 30.0
_WORKERS = "workers"


@frozen
class Topics:
    """Names on the night's Kafka, as in production."""

    next_visit: str = "lsst.sal.ScriptQueue.logevent_nextVisit"
    bucket: str = "rubin-prompt-processing"
    outputs: str = "butler-writer"
    batches: str = "butler-writer-ingestion-events"
    dead_outputs: str = "butler-writer-dead"
    alerts: str = "alerts-simulated"


@frozen(kw_only=True)
class Addresses:
    """Where the night's servers and folders are."""

    kafka: str
    registry: str
    redis: str
    s3: Mapping[str, str]
    """Variables that S3 clients need."""
    bucket: str
    repository: Path
    folder: Path
    """For everything else."""
    batches: Path
    """Folder of the Butler Writer's lists of datasets."""
    apdb: str
    """URI of the configuration of the APDB, which is in `folder`."""
    presence: str = ""
    """Base URI of the raw microservice, once it is known."""


def process_environment(addresses: Addresses) -> dict[str, str]:
    """Give what any process needs: this process's variables but the services' own.

    What the user has set for another deployment must not reach the night.
    """
    ours = {name for kind in _ALL for name, _, _ in describe_settings(kind)}
    kept = {
        name: value for name, value in os.environ.items() if name not in ours and not name.startswith("AWS_")
    }
    # A worker has one core; so that two of them do not fight for all.
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    logs = {"SERVICE_LOG_LEVELS": ".=INFO application.worker.stages=DEBUG"}
    # What a killed process leaves lying goes with the folder.
    return {**kept, **threads, **addresses.s3, **logs, "TMPDIR": str(addresses.folder)}


def status_variables(instrument: str, at: Addresses) -> str:
    """Write what `status` and `explain` are told, as a shell takes it."""
    told = {**_worker(instrument, at, 0.0), "RUBIN_INSTRUMENT": instrument}
    needed = [name for name, default, _ in describe_settings(StatusSettings) if default == REQUIRED]
    return " ".join(f"{name}={shlex.quote(told[name])}" for name in needed)


def variables(
    plan: NightPlan, camera_file: str, pipelines: Mapping[str, object], at: Addresses, expiration: float
) -> Mapping[str, Mapping[str, str]]:
    """Write the settings of each service.

    Parameters
    ----------
    plan
        Whose camera and detectors are served.
    camera_file
        The camera's file.
    pipelines
        Contents of the two pipelines configurations, by variable.
    at
        Where everything is.
    expiration
        MESSAGE_EXPIRATION, seconds.
    """
    instrument = plan.camera.instrument
    kafka = {
        "KAFKA_CLUSTER": at.kafka,
        # The mock cluster answers a fetch late, and makes classic groups wait for seconds.
        "KAFKA_FETCH_WAIT": "0.005",
        "KAFKA_GROUP_PROTOCOL": "consumer",
        "METRICS_PORT": "0",
    }
    deployment = {
        "RUBIN_INSTRUMENT": instrument,
        "CAMERA_FILE": camera_file,
        "CENTRAL_REPO": str(at.repository),
        "SKYMAP": "none",
        "CONFIG_APDB": at.apdb,
        **{name: json.dumps(value) for name, value in pipelines.items()},
    }
    raws = {"IMAGE_BUCKET": at.bucket, "BUCKET_TOPIC": Topics().bucket}
    return {
        "fan-out": kafka | _fan_out(plan, at, expiration),
        "raw-presence": kafka | raws | _raw_presence(instrument, camera_file, at),
        "butler-writer": kafka | _butler_writer(at),
        "initialize": deployment,
        "worker": kafka | deployment | raws | _worker(instrument, at, expiration),
        "alerts": kafka | deployment | _worker(instrument, at, expiration),
        "console": deployment | _worker(instrument, at, expiration) | {"CONSOLE_LOG_FOLDER": str(at.folder)},
    }


def _stream(instrument: str) -> str:
    return f"instrument:{instrument.lower()}"


def _fan_out(plan: NightPlan, at: Addresses, expiration: float) -> dict[str, str]:
    instrument = plan.camera.instrument
    config = at.folder / "instruments.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "redis-streams": {instrument: _stream(instrument)},
                "detectors": {instrument: dict.fromkeys(plan.detectors, True)},
            }
        )
    )
    return {
        "KAFKA_SCHEMA_REGISTRY_URL": at.registry,
        "CONSUMER_GROUP": "next-visit-fan-out",
        "NEXT_VISIT_TOPIC": Topics().next_visit,
        "OFFSET": "earliest",
        "MESSAGE_EXPIRATION": str(expiration),
        "SUPPORTED_INSTRUMENTS": instrument,
        "REDIS_HOST": at.redis,
        "REDIS_STREAM_CONSUMER_GROUP": _WORKERS,
        "LEASE_SECONDS": str(_LEASE),
        "INSTRUMENT_CONFIG_FILE": str(config),
    }


def _raw_presence(instrument: str, camera_file: str, at: Addresses) -> dict[str, str]:
    return {
        "REDIS_HOST": at.redis,
        "SUPPORTED_INSTRUMENTS": instrument,
        "CAMERA_FILES": camera_file,
        "OFFSET": "earliest",
        "PORT": "0",
    }


def _butler_writer(at: Addresses) -> dict[str, str]:
    return {
        "BUTLER_REPOSITORY": str(at.repository),
        "KAFKA_TOPIC": Topics().outputs,
        "KAFKA_OUTPUT_TOPIC": Topics().batches,
        "KAFKA_DEAD_LETTER_TOPIC": Topics().dead_outputs,
        "OUTPUT_DATASET_LIST_DIRECTORY": str(at.batches),
        "RAW_ROOTS": f"s3://{at.bucket}/",
        # librdkafka's mock cluster does not really have them.
        "KAFKA_TRANSACTIONS": "0",
    }


def _worker(instrument: str, at: Addresses, expiration: float) -> dict[str, str]:
    return {
        "WORKER_TIMEOUT": "900",
        "IMAGE_TIMEOUT": "120",
        "MESSAGE_EXPIRATION": str(expiration),
        "RAW_MICROSERVICE": at.presence,
        "REDIS_STREAM_HOST": at.redis,
        "REDIS_STREAM_NAME": _stream(instrument),
        "REDIS_STREAM_CONSUMER_GROUP": _WORKERS,
        "REDIS_RETRY_DELAY": "1",
        "FANNED_OUT_MSG_LISTEN_TIMEOUT": "86400",
        "LEASE_SECONDS": str(_LEASE),
        "LOCAL_REPOS": str(at.folder),
        "SHUTDOWN_GRACE": "0",
        "USE_KAFKA_BUTLER_WRITER": "1",
        "BUTLER_WRITER_KAFKA_CLUSTER": at.kafka,
        "BUTLER_WRITER_KAFKA_TOPIC": Topics().outputs,
        "AP_KAFKA_SERVER": at.kafka,
        "AP_KAFKA_TOPIC": Topics().alerts,
        # Calibration products are inputs already; raws stay in their bucket.
        "EXPORT_TYPE_REGEXP": '["(?!raw$).*"]',
        "EXPORT_RAWS": "1",
    }


@contextlib.contextmanager
def within(variables: Mapping[str, str]) -> Iterator[None]:
    """Let this process's own clients see some variables for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
