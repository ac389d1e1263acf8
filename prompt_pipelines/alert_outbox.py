"""Alerts that are laid down before what they tell of is stored, so that no death in between costs them.

AP_ALERT_OUTBOX is the URI of a folder for this attempt on a visit and detector, and AP_ALERT_OWNER names
the attempt, for whoever sends what it leaves.
"""

import os
from collections.abc import Sequence
from typing import Final, Self

from attrs import frozen
from lsst.resources import ResourcePath

from prompt_pipelines.alert_files import AlertFile

__all__ = ["LaidAlerts"]

_OWNER: Final = "owner"


@frozen(kw_only=True)
class LaidAlerts:
    """The outbox's one file of a visit and detector."""

    file: AlertFile
    visit: int
    detector: int
    owner: str

    @classmethod
    def of_image(cls, visit: int, detector: int) -> Self | None:
        """Find the place by the environment; None if there is no outbox."""
        folder = os.environ.get("AP_ALERT_OUTBOX")
        if not folder:
            return None
        target = ResourcePath(folder, forceDirectory=True).join(f"{visit}-{detector}.avro")
        return cls(
            file=AlertFile(target.geturl()),
            visit=visit,
            detector=detector,
            owner=os.environ.get("AP_ALERT_OWNER", ""),
        )

    def lay(self, alerts: Sequence[bytes], ids: Sequence[int], held: str = "") -> None:
        """Lay alerts down in place of what is there; nothing if there are none.

        Parameters
        ----------
        alerts, ids
            Messages and their diaSourceIds.
        held
            Why a person is to look at them before they are sent; blank: they are not held.

        Raises
        ------
        AlertError
            Raised if that failed.
        """
        about = {_OWNER: self.owner, "visit": str(self.visit), "detector": str(self.detector)}
        if alerts:
            self.file.write(alerts, ids, about | ({"held": held} if held else {}))
