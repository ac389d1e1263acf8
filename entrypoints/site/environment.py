"""What the processes of a site are told: the variables of production, with the site's own places."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Final

from domain.cameras.camera import Camera
from domain.runs import all_sky
from entrypoints.settings.environment import describe_settings
from entrypoints.settings.site import SiteFolder, SiteSettings
from entrypoints.settings.worker import ChildSettings, WorkerSettings

__all__ = ["INITIALIZE", "enter", "site_variables"]

INITIALIZE: Final = (sys.executable, "-P", "-m", "entrypoints", "initialize", "--register-dataset-types")
"""Prepares the repository for today and tomorrow; safe to repeat."""

_NEVER = str(10 * 365 * 86_400)
"""Seconds: what a site was given waits, however long it stood still."""


def site_variables(folder: SiteFolder, settings: SiteSettings, camera: Camera) -> Mapping[str, str]:
    """Write the settings of workers, their children and the initializer."""
    return {
        "RUBIN_INSTRUMENT": camera.instrument,
        "CAMERA_FILE": str(folder.camera),
        "CENTRAL_REPO": str(folder.central),
        "SKYMAP": settings.skymap or all_sky(camera.instrument),
        "PREPROCESSING_PIPELINES_CONFIG": json.dumps(settings.pipelines.preprocessing),
        "MAIN_PIPELINES_CONFIG": json.dumps(settings.pipelines.main),
        "CONFIG_APDB": str(folder.apdb / "apdb.yaml"),
        "REDIS_STREAM_HOST": folder.work,
        # Queue, publisher and journal know an instrument's queue by the instrument's name.
        "REDIS_STREAM_NAME": camera.instrument,
        "REDIS_STREAM_CONSUMER_GROUP": "site",
        "LEDGER_URL": folder.ledger,
        "S3_ENDPOINT_URL": folder.path.as_uri(),
        "IMAGE_BUCKET": folder.raws.name,
        "RAW_MICROSERVICE": folder.work,
        "KAFKA_CLUSTER": "none",
        "USE_KAFKA_BUTLER_WRITER": "0",
        # A power cut in the midst of an attempt counts as one.
        "MAX_ATTEMPTS": "5",
        # Processes of one machine stop together: nobody has to wait for the end of a dead one's claim.
        "CLAIM_SECONDS": "0",
        "WORKER_TIMEOUT": f"{settings.attempt_timeout_s:g}",
        "MESSAGE_EXPIRATION": _NEVER,
        "FANNED_OUT_MSG_LISTEN_TIMEOUT": _NEVER,
        "REDIS_RETRY_DELAY": "5",
        "REPO_RETRY_DELAY": "5",
        "CHILD_IDLE_TIMEOUT": f"{settings.child_idle_s:g}",
        "SHUTDOWN_GRACE": f"{settings.grace_s:g}",
        "LOCAL_REPOS": str(folder.run),
        # Raws stay in the image store, and are registered there.
        "EXPORT_TYPE_REGEXP": '["(?!raw$).*"]',
        "EXPORT_RAWS": "1",
        "NEXT_PIPELINE_ON_REFUSAL": "1",
        "AP_ALERT_FOLDER": folder.alerts.as_uri(),
        "METRICS_HOST": settings.metrics_host,
        "METRICS_PORT": str(settings.metrics_port),
        "SERVICE_LOG_LEVELS": f".={settings.log_level.upper()}",
        "TMPDIR": str(folder.run),
        **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    }


def enter(variables: Mapping[str, str]) -> None:
    """Make these the environment of this process and its children.

    What the user has set for another deployment must not reach the site.
    """
    for kind in (WorkerSettings, ChildSettings):
        for name, _, _ in describe_settings(kind):
            os.environ.pop(name, None)
    for name in ("AP_KAFKA_SERVER", "AP_KAFKA_TOPIC"):
        os.environ.pop(name, None)
    os.environ.update(variables)
