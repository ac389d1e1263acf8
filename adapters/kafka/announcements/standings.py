"""How queues stood when announcements were settled, as the metadata of committed offsets."""

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Final

from domain.work.standing import QueueStanding

__all__ = ["standings_from", "standings_to"]

_LOG: Final = logging.getLogger(__name__)


def standings_to(standings: Mapping[str, QueueStanding]) -> str:
    """Write standings; the broker takes 4096 bytes, which is some fifty queues."""
    queues = {
        name: [each.incarnation, list(each.last_entry), each.steps, each.gap]
        for name, each in standings.items()
    }
    return json.dumps({"v": 1, "queues": queues}, separators=(",", ":")) if queues else ""


def standings_from(notes: Iterable[str]) -> Mapping[str, QueueStanding]:
    """Read the latest standing of each queue from the metadata of several partitions."""
    latest: dict[str, QueueStanding] = {}
    for note in filter(None, notes):
        for name, standing in _standings(note).items():
            if name not in latest or latest[name].order < standing.order:
                latest[name] = standing
    return latest


def _standings(note: str) -> Mapping[str, QueueStanding]:
    try:
        return {
            str(name): QueueStanding(
                incarnation=int(incarnation),
                last_entry=(int(milliseconds), int(number)),
                steps=int(steps),
                gap=str(gap),
            )
            for name, (incarnation, (milliseconds, number), steps, gap) in json.loads(note)["queues"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        _LOG.warning(
            "metadata of committed offsets left out, it is not of this program: %r in %.200s", error, note
        )
        return {}
