"""What a night on one machine needs of the adapters: the camera, columns of catalogues, and results."""

from pathlib import Path

from adapters.butler.library.results import Results, keep_results, read_planes, read_results
from adapters.files.cameras import CameraFileError, copy_camera, load_camera
from adapters.files.catalogue_columns import load_columns, shipped_columns
from adapters.files.corrections import load_corrections
from adapters.files.kept_ledger import write_histories
from adapters.redis.ledger.history_store import RedisHistoryStore
from domain.work.history import WorkHistory

__all__ = [
    "CameraFileError",
    "Results",
    "copy_camera",
    "keep_ledger",
    "keep_results",
    "load_camera",
    "load_columns",
    "load_corrections",
    "read_planes",
    "read_results",
    "shipped_columns",
]


async def keep_ledger(redis: str, instrument: str, path: Path) -> None:
    """Write the ledger's records of an instrument to a file.

    Parameters
    ----------
    redis
        Host and port of the night's Redis.
    instrument
        Whose.
    path
        Of the file.
    """
    async with RedisHistoryStore(f"redis://{redis}/0") as store:
        histories = await store.histories(instrument)
    write_histories([one for one in histories if isinstance(one, WorkHistory)], path)
