"""Copying files to the shared datastore, behind its registry's back.

This is the one module that uses what the Butler keeps for Rubin's own services.
"""

from collections.abc import Sequence

from lsst.daf.butler import Butler, ButlerConfig, DatasetRef, FileDataset
from lsst.daf.butler._rubin.file_datasets import transfer_datasets_to_datastore

__all__ = ["copy_datasets"]


def copy_datasets(source: Butler, target: ButlerConfig, refs: Sequence[DatasetRef]) -> Sequence[FileDataset]:
    """Copy datasets from a repository to another's datastore.

    Returns
    -------
    files
        Paths are relative to the target's datastore.
    """
    return transfer_datasets_to_datastore(source, target, refs)
