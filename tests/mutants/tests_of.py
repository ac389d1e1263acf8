"""Which tests look after which module: those of its name, and those listed here."""

from pathlib import Path

__all__ = ["tests_of"]

_KAFKA = "tests/integration/kafka"
_BUTLER = "tests/integration/butler"
_LEDGER = "tests/unit/adapters/memory/test_ledger.py"

_LISTED = {
    "adapters/butler": (f"{_BUTLER}/test_workspace.py",),
    "adapters/butler/camera": (
        "tests/unit/adapters/butler/test_camera_stack.py",
        "tests/unit/adapters/butler/test_rubin_stack.py",
        f"{_BUTLER}/test_workspace.py",
    ),
    "adapters/butler/initializer": (f"{_BUTLER}/test_deployment_outputs.py",),
    "adapters/butler/inputs": (f"{_BUTLER}/test_preload.py", f"{_BUTLER}/test_workspace.py"),
    "adapters/butler/library": (f"{_BUTLER}/test_results.py", f"{_BUTLER}/test_image_archive.py"),
    "adapters/butler/predicted": (f"{_BUTLER}/test_preload.py", f"{_BUTLER}/test_workspace.py"),
    "adapters/butler/shared": (
        "tests/contracts/test_writer.py",
        f"{_BUTLER}/test_central_registry.py",
        f"{_BUTLER}/test_workspace.py",
    ),
    "adapters/butler/shared/messages": ("tests/contracts/test_writer.py", "tests/integration/butler_writer"),
    "adapters/butler/workspace/alert_outbox": (f"{_BUTLER}/test_alerts.py",),
    "adapters/butler/writer": ("tests/integration/butler_writer", f"{_BUTLER}/test_central_registry.py"),
    "adapters/kafka": (f"{_KAFKA}/test_topic_follower.py", f"{_KAFKA}/test_group_reader.py"),
    "adapters/kafka/alert_broker": (f"{_KAFKA}/test_alert_stream.py",),
    "adapters/kafka/announcements": ("tests/contracts/test_next_visit.py", f"{_KAFKA}/test_announcements.py"),
    "adapters/kafka/notifications": (
        "tests/contracts/test_notifications.py",
        f"{_KAFKA}/test_object_feed.py",
        f"{_KAFKA}/test_raw_notifications.py",
    ),
    "adapters/kafka/outputs": (f"{_KAFKA}/test_output_notifier.py", f"{_KAFKA}/test_output_events.py"),
    "adapters/kafka/outputs/dead_letters": (f"{_KAFKA}/test_kept_letters.py",),
    "adapters/redis": ("tests/integration/redis/test_hang.py", "tests/integration/redis/test_security.py"),
    "adapters/redis/ledger": ("tests/integration/redis/test_ledger.py",),
    "adapters/redis/queue": (
        "tests/contracts/test_nvfo.py",
        "tests/integration/redis/test_work_queue.py",
        "tests/integration/redis/test_control.py",
    ),
    "application": ("tests/unit/application/test_night.py",),
    "application/alerts": (),
    "application/console": (
        "tests/unit/application/test_explain.py",
        "tests/unit/application/test_night_board.py",
        "tests/unit/application/test_night_history.py",
        "tests/unit/adapters/console/test_pages.py",
        "tests/unit/adapters/memory/test_console.py",
    ),
    "application/fan_out": ("tests/unit/application/test_night.py",),
    "application/intake": ("tests/unit/application/intake",),
    "application/ledger": (_LEDGER, "tests/unit/application/test_foreign_records.py"),
    "application/night_images": ("tests/unit/application/test_reconcile.py",),
    "application/sidecars": (
        "tests/unit/application/test_night.py",
        "tests/unit/application/test_index_raws.py",
    ),
    "application/worker": (
        "tests/unit/application/test_night.py",
        "tests/unit/application/test_worker_end.py",
        "tests/unit/application/test_stages.py",
        "tests/unit/application/test_noon.py",
        "tests/unit/application/test_trying_again.py",
    ),
    "domain/cameras": ("tests/unit/domain/test_camera.py", "tests/unit/adapters/files/test_cameras.py"),
    "domain/cameras/card_rule": (
        "tests/unit/domain/test_header_rules.py",
        "tests/unit/domain/test_headers.py",
    ),
    "domain/cameras/corrections": (
        "tests/unit/adapters/files/test_corrections.py",
        "tests/unit/domain/test_renumbered.py",
    ),
    "domain/cameras/detectors": ("tests/unit/domain/test_camera.py", "tests/unit/domain/test_camera_dict.py"),
    "domain/cameras/field_angles": ("tests/unit/domain/test_focal_plane.py",),
    "domain/cameras/raw_parts": (
        "tests/unit/adapters/files/test_cameras.py",
        "tests/unit/domain/test_raws.py",
    ),
    "domain/headers": (
        "tests/unit/domain/test_headers.py",
        "tests/unit/domain/test_header_rules.py",
        "tests/unit/domain/test_real_headers.py",
    ),
    "domain/headers/file_frames": ("tests/unit/application/intake", "tests/unit/adapters/folder"),
    "domain/movers": ("tests/unit/domain/test_movers.py",),
    "domain/raws": ("tests/unit/domain/test_raws.py", "tests/unit/domain/test_headers.py"),
    "domain/raws/expectation": (
        "tests/unit/domain/test_expectation_model.py",
        "tests/unit/application/test_night.py",
    ),
    "domain/raws/frame_files": ("tests/unit/adapters/folder", "tests/unit/application/intake"),
    "domain/results": (
        "tests/unit/adapters/memory/test_console_archives.py",
        "tests/unit/adapters/console",
        "tests/unit/prompt_processing",
    ),
    "domain/sky": ("tests/unit/domain/test_sky.py", "tests/unit/domain/test_pointing.py"),
    "domain/sky/catalogue_columns": ("tests/unit/workbench/test_catalogues.py", "tests/unit/simulator"),
    "domain/times": ("tests/unit/domain/test_observing_days.py", "tests/unit/domain/test_instants.py"),
    "domain/visit": ("tests/contracts/test_nvfo.py", "tests/unit/adapters/common/test_visit_record.py"),
    "domain/work": ("tests/unit/adapters/common/test_history.py", "tests/unit/application/test_night.py"),
    "domain/work/history": (
        _LEDGER,
        "tests/unit/application/test_trying_again.py",
        "tests/unit/adapters/memory/test_schedules.py",
    ),
    "domain/work/outcomes": (
        "tests/unit/adapters/common/test_history.py",
        "tests/unit/application/test_night.py",
        "tests/unit/application/test_trying_again.py",
    ),
    "domain/work/reconciliation": ("tests/unit/application/test_reconcile.py",),
}


def tests_of(root: Path, module: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Find the quick tests of a module, and those that need servers or minutes."""
    name = module.with_suffix("").as_posix()
    kind = "adapters/" + module.parts[1] if module.parts[0] == "adapters" else module.parts[0]
    named = [
        path.relative_to(root).as_posix()
        for part in ("unit/" + kind, "integration")
        for path in sorted((root / "tests" / part).rglob(f"test_{module.stem}.py"))
    ]
    while name and name not in _LISTED:
        name = name.rpartition("/")[0]
    found = list(dict.fromkeys([*named, *_LISTED.get(name, ())]))
    found = [path for path in found if (root / path).exists()]
    slow = tuple(path for path in found if path.startswith("tests/integration/"))
    return tuple(path for path in found if path not in slow), slow
