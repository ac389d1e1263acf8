"""One JSON line for each log record, on standard error."""

import importlib.metadata
import logging
import logging.config
import sys
from collections.abc import Mapping
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from application.worker.log_context import current_log_context
from domain.times import UtcSeconds, utc_isoformat
from entrypoints.former_loggers import current_logger
from entrypoints.saying import shown

__all__ = ["configure_logs", "line_formatter"]


class _ContextFilter(logging.Filter):
    """Adds which visit-detector a record is about, where the code knows."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in current_log_context().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


class _LineFormatter(JsonFormatter):
    """Writes text that people may grep: names and exceptions stay readable."""

    def add_fields(
        self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]
    ) -> None:
        super().add_fields(log_data, record, message_dict)
        rest = {
            name: shown(value) if isinstance(value, str) else value
            for name, value in log_data.items()
            if name not in {"levelname", "name"}
        }
        log_data.clear()
        time = utc_isoformat(UtcSeconds(record.created))
        log_data |= {"time": time, "level": record.levelname, "logger": record.name, **rest}
        # The same under the names that dashboards of the former system ask for.
        log_data |= {
            "asctime": time,
            "name": record.name,
            "levelname": record.levelname,
            "pathname": record.pathname,
            "funcName": record.funcName,
            "lineno": record.lineno,
            "process": record.process,
            "thread": record.thread,
        }


_MIDDLEWARE_LEVELS = {"VERBOSE": 15, "TRACE": 5}  # as lsst.utils.logging has them, once it is imported


def line_formatter(process: str) -> logging.Formatter:
    """Make what writes a record as one line of JSON, in which service and version are named."""
    return _LineFormatter(
        "{levelname}{name}{message}",
        style="{",
        static_fields={"service": process, "version": importlib.metadata.version("prompt-processing")},
        json_ensure_ascii=False,
    )


def configure_logs(levels: Mapping[str, str], process: str) -> None:
    """Log JSON lines to standard error.

    Parameters
    ----------
    levels
        From logger to level; ``.`` is the root. Names that loggers had before
        their modules moved are taken too.
    process
        Stands in every line, as the service.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(_ContextFilter())
    handler.setFormatter(line_formatter(process))
    for name, value in _MIDDLEWARE_LEVELS.items():
        logging.addLevelName(value, name)
    logging.basicConfig(handlers=[handler], level=levels.get(".", "INFO"), force=True)
    logging.captureWarnings(capture=True)
    # Root loggers of chatty libraries say at INFO what matters to nobody at night.
    for chatty in ("botocore", "urllib3", "kafka"):
        logging.getLogger(chatty).setLevel("WARNING")
    for logger, level in levels.items():
        if logger != ".":
            logging.getLogger(current_logger(logger)).setLevel(level)
