"""Loggers' names before modules moved; to be removed with the next release."""

from collections.abc import Mapping

__all__ = ["FORMER_LOGGERS", "current_logger"]

FORMER_LOGGERS: Mapping[str, str] = {
    "adapters.butler.exporting": "adapters.butler.workspace.exporting",
    "adapters.butler.input_objects": "adapters.butler.predicted.input_objects",
    "adapters.butler.pipeline_runs": "adapters.butler.workspace.pipeline_runs",
    "adapters.butler.predicted_repositories": "adapters.butler.predicted.predicted_repositories",
    "adapters.butler.reaching": "adapters.butler.shared.reaching",
    "adapters.butler.registrar": "adapters.butler.writer.registrar",
    "adapters.butler.stored_log": "adapters.butler.predicted.stored_log",
    "adapters.child": "adapters.workspace_process",
    "adapters.child.client": "adapters.workspace_process.client",
    "adapters.child.server": "adapters.workspace_process.server",
    "adapters.kafka.batch_end": "adapters.kafka.outputs.batch_end",
    "adapters.kafka.object_feed": "adapters.kafka.notifications.object_feed",
    "adapters.kafka.outbox_watch": "adapters.kafka.outputs.outbox_watch",
    "adapters.kafka.output_events": "adapters.kafka.outputs.output_events",
    "adapters.kafka.output_notifier": "adapters.kafka.outputs.output_notifier",
    "adapters.kafka.raw_notifications": "adapters.kafka.notifications.raw_notifications",
    "adapters.kafka.schema_registry": "adapters.kafka.announcements.schema_registry",
    "adapters.memory.queue_store": "adapters.memory.queue.queue_store",
    "adapters.presence_http": "adapters.raw_microservice.server",
    "adapters.presence_http.app": "adapters.raw_microservice.server.app",
    "adapters.presence_http.merged_index": "adapters.raw_microservice.server.merged_index",
    "adapters.presence_http.server": "adapters.raw_microservice.server.server",
    "adapters.redis.work_queue": "adapters.redis.queue.work_queue",
    "adapters.redis.queue_upkeep": "adapters.redis.queue.queue_upkeep",
    "adapters.redis.control": "adapters.redis.queue.control",
    "adapters.system.metrics_server": "adapters.prometheus.metrics_server",
    "adapters.system.sasquatch": "adapters.sasquatch.measurements",
    "adapters.system.work_folders": "adapters.host.work_folders",
    "application.await_images": "application.worker.await_images",
    "application.find_raws": "application.worker.find_raws",
    "application.process_visit": "application.worker.process_visit",
    "application.stages": "application.worker.stages",
    "application.work": "application.worker.work",
    "entrypoints.butler_writer": "entrypoints.services.butler_writer",
    "entrypoints.child": "entrypoints.services.child",
    "entrypoints.fan_out": "entrypoints.services.fan_out",
    "entrypoints.raw_presence": "entrypoints.services.raw_presence",
    "entrypoints.worker": "entrypoints.services.worker",
    "simulator.night_templates": "workbench.templates.night_templates",
    "simulator.notifications": "simulator.servers.notifications",
    "simulator.recorded_frames": "workbench.recorded_frames",
}


def current_logger(name: str) -> str:
    """Tell what the logger `name` of a setting is called today."""
    return FORMER_LOGGERS.get(name, name)
