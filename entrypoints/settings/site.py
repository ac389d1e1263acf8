"""What `site.yaml` says, and where things are in a site's folder."""

import os
from pathlib import Path
from typing import Any

from attrs import Attribute, field, frozen

from domain.upkeep import JobKind
from entrypoints.settings.parsers import log_level
from entrypoints.settings.pipelines import PIPELINES

__all__ = ["SiteFolder", "SitePipelines", "SiteSettings"]


def _at_least(least: float, meaning: str) -> Any:  # noqa: ANN401 - as attrs declares validators
    def validate(_: object, attribute: "Attribute[Any]", value: float) -> None:
        if value < least:
            raise ValueError(f"{attribute.name}: {value:g} {meaning}")

    return validate


_not_negative = _at_least(0, "is negative")
_positive = _at_least(1, "is not 1 or more")


def _known_level(_: object, attribute: "Attribute[Any]", value: str) -> None:
    try:
        log_level(value)
    except ValueError as error:
        raise ValueError(f"{attribute.name}: {value!r} {error}") from None


def _some(_: object, attribute: "Attribute[Any]", value: tuple[str, ...]) -> None:
    if not value:
        raise ValueError(f"{attribute.name}: names no folder")


@frozen(kw_only=True)
class SitePipelines:
    """Both pipelines configurations: by the name of a pair that comes with the project, or node by node."""

    preprocessing: list[Any]
    main: list[Any]

    @classmethod
    def named(cls, name: str) -> "SitePipelines":
        """Find a pair that comes with the project.

        Raises
        ------
        ValueError
            Raised if there is none of this name.
        """
        if name not in PIPELINES:
            raise ValueError(f"{name!r} is none of {', '.join(PIPELINES)}")
        preprocessing, main = (
            list(map(dict, PIPELINES[name][variable]))  # type: ignore[call-overload]  # lists of nodes
            for variable in ("PREPROCESSING_PIPELINES_CONFIG", "MAIN_PIPELINES_CONFIG")
        )
        return cls(preprocessing=preprocessing, main=main)


@frozen(kw_only=True)
class SiteSettings:
    """What `site.yaml` says; seconds are seconds of the wall clock."""

    incoming: tuple[str, ...] = field(default=("incoming",), validator=_some)
    polling: bool = False
    quiet_s: float = field(default=2.0, validator=_not_negative)
    snaps: int = field(default=1, validator=_not_negative)
    old_after_s: float = field(default=7200.0, validator=_not_negative)
    workers: int = field(default=0, validator=_not_negative)
    pipelines: SitePipelines = field(factory=lambda: SitePipelines.named("ap-pipe"))
    skymap: str = ""
    """Blank: the camera's own, of the whole sky."""
    attempt_timeout_s: float = field(default=900.0, validator=_positive)
    child_idle_s: float = field(default=300.0, validator=_not_negative)
    grace_s: float = field(default=60.0, validator=_not_negative)
    upkeep: tuple[JobKind, ...] = tuple(JobKind)
    keep_raws_days: int = field(default=0, validator=_not_negative)
    keep_images_days: int = field(default=0, validator=_not_negative)
    upkeep_idle_s: float = field(default=600.0, validator=_not_negative)
    metrics_host: str = "127.0.0.1"
    metrics_port: int = field(default=0, validator=_not_negative)
    console: bool = True
    console_port: int = field(default=0, validator=_not_negative)
    log_level: str = field(default="INFO", validator=_known_level)

    @property
    def worker_count(self) -> int:
        """How many workers; 0 in the file stands for the cores that this process may use."""
        return self.workers or len(os.sched_getaffinity(0))


@frozen
class SiteFolder:
    """Where things are in a site's folder."""

    path: Path
    """Absolute."""

    @property
    def settings(self) -> Path:
        """What people set."""
        return self.path / "site.yaml"

    @property
    def camera(self) -> Path:
        """The camera's file."""
        return self.path / "camera.yaml"

    @property
    def central(self) -> Path:
        """The central repository."""
        return self.path / "central"

    @property
    def apdb(self) -> Path:
        """Folder of the APDB."""
        return self.path / "apdb"

    @property
    def raws(self) -> Path:
        """The image store."""
        return self.path / "raws"

    @property
    def incoming(self) -> Path:
        """Where frames are put unless the settings say otherwise."""
        return self.path / "incoming"

    @property
    def alerts(self) -> Path:
        """Files of alerts."""
        return self.path / "alerts"

    @property
    def calibrations(self) -> Path:
        """Pictures of masters, for people."""
        return self.path / "calibrations"

    @property
    def movers(self) -> Path:
        """What moved in each night."""
        return self.path / "movers"

    @property
    def jobs(self) -> Path:
        """How jobs ended."""
        return self.state / "jobs.json"

    @property
    def disk(self) -> Path:
        """Free space in the last nights."""
        return self.state / "disk.json"

    @property
    def logs(self) -> Path:
        """A file for each day."""
        return self.path / "logs"

    @property
    def state(self) -> Path:
        """Folder of what must survive a crash: queue, journal, ledger."""
        return self.path / "state"

    @property
    def run(self) -> Path:
        """Folder of what a running site needs: its lock, working files."""
        return self.path / "run"

    @property
    def work(self) -> str:
        """Address of queue, control notes, journal and index of raws."""
        return f"sqlite:///{self.state / 'work.db'}"

    @property
    def ledger(self) -> str:
        """Address of ledger and claims."""
        return f"sqlite:///{self.state / 'ledger.db'}"

    @property
    def folders(self) -> tuple[Path, ...]:
        """All that are made with the site."""
        return self.apdb, self.raws, self.incoming, self.alerts, self.logs, self.state, self.run

    def watched(self, settings: SiteSettings) -> tuple[Path, ...]:
        """Find the folders in which frames appear."""
        return tuple((self.path / Path(folder).expanduser()).resolve() for folder in settings.incoming)

    def overlap(self, settings: SiteSettings) -> str:
        """Say which watched folder is in another, or in one of the site's own; blank if none is."""
        watched = self.watched(settings)
        own = (self.raws.resolve(), self.central.resolve(), self.run.resolve())
        for number, folder in enumerate(watched):
            for other in (*watched[:number], *own):
                if folder.is_relative_to(other) or other.is_relative_to(folder):
                    return f"incoming: {folder} and {other} are one in the other"
        return ""
