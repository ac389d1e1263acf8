"""The settings of each process of a night in memory, as production would read them."""

from collections.abc import Mapping

from entrypoints.settings.butler_writer import ButlerWriterSettings
from entrypoints.settings.environment import read_settings
from entrypoints.settings.fan_out import FanOutSettings
from entrypoints.settings.raw_presence import RawPresenceSettings
from entrypoints.settings.worker import WorkerSettings

__all__ = ["ENVIRONMENT", "FAN_OUT", "RAW_PRESENCE", "WORKER", "WRITER"]

_NOWHERE = "127.0.0.1:9"

ENVIRONMENT: Mapping[str, str] = {
    "RUBIN_INSTRUMENT": "SimCam",
    "SUPPORTED_INSTRUMENTS": "SimCam",
    "CAMERA_FILE": "simulated",
    "CAMERA_FILES": "simulated",
    "SKYMAP": "none",
    "CENTRAL_REPO": "/central",
    "CONFIG_APDB": "none",
    "PREPROCESSING_PIPELINES_CONFIG": '[{"pipelines": []}]',
    "MAIN_PIPELINES_CONFIG": '[{"pipelines": []}]',
    "KAFKA_CLUSTER": _NOWHERE,
    "KAFKA_SCHEMA_REGISTRY_URL": f"http://{_NOWHERE}",
    "CONSUMER_GROUP": "fan-out",
    "NEXT_VISIT_TOPIC": "next-visit",
    "REDIS_HOST": _NOWHERE,
    "REDIS_STREAM_HOST": _NOWHERE,
    "REDIS_STREAM_NAME": "memory",
    "REDIS_STREAM_CONSUMER_GROUP": "workers",
    "S3_ENDPOINT_URL": f"http://{_NOWHERE}",
    "IMAGE_BUCKET": "images",
    "INSTRUMENT_CONFIG_FILE": __file__,
    "BUTLER_REPOSITORY": "/central",
    "KAFKA_TOPIC": "pp-output",
    "KAFKA_OUTPUT_TOPIC": "batch-ingested",
    "OUTPUT_DATASET_LIST_DIRECTORY": "/batches",
    "MESSAGE_EXPIRATION": "3600",
    "WORKER_TIMEOUT": "600",
    "IMAGE_TIMEOUT": "60",
    "REDIS_RETRY_DELAY": "5",
    "REDIS_RETRY_INITIAL_DELAY": "1",
    "RETRY_DELAY": "1",
    "SHUTDOWN_GRACE": "10",
}

FAN_OUT = read_settings(FanOutSettings, ENVIRONMENT)
RAW_PRESENCE = read_settings(RawPresenceSettings, ENVIRONMENT)
WORKER = read_settings(WorkerSettings, ENVIRONMENT)
WRITER = read_settings(ButlerWriterSettings, {**ENVIRONMENT, "REPO_RETRY_DELAY": "1"})
