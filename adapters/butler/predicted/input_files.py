"""Local copies of inputs, kept across visits."""

import shutil
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from pathlib import Path
from uuid import UUID

from attrs import evolve, frozen
from lsst.daf.butler import Butler, DatasetRef
from lsst.resources import ResourcePath

from adapters.butler.repository.datastores import StoredFile, stored_files
from adapters.butler.shared.central_repository import CentralRepositories

__all__ = ["InputFiles"]


@frozen(kw_only=True)
class _Copy:
    folder: Path
    files: tuple[StoredFile, ...]


class InputFiles:
    """Copies of the shared datastores' files, least recently used ones removed.

    Parameters
    ----------
    shared
        The central repositories.
    folder
        Where copies are kept; nobody else uses it.
    size
        Datasets kept of each type beyond those that the visit at hand needs.
    """

    def __init__(self, shared: CentralRepositories, folder: Path, size: int) -> None:
        self._shared = shared
        self._folder = folder
        self._size = size
        self._copies: dict[str, OrderedDict[UUID, _Copy]] = {}
        self._begun = False

    def fetch(
        self, inputs: Sequence[DatasetRef], init_outputs: Sequence[DatasetRef]
    ) -> dict[UUID, tuple[StoredFile, ...]]:
        """Make sure that datasets have local copies.

        Parameters
        ----------
        inputs
            In the repository of inputs.
        init_outputs
            In that of outputs.

        Returns
        -------
        files
            Where they are, by dataset.

        Raises
        ------
        FileNotFoundError
            Raised if the central datastore lacks one.
        """
        self._copy(self._shared.reader, inputs)
        self._copy(self._shared.outputs, init_outputs)
        found: dict[UUID, tuple[StoredFile, ...]] = {}
        for ref in (*inputs, *init_outputs):
            self._of(ref).move_to_end(ref.id)
            found[ref.id] = self._of(ref)[ref.id].files
        self._evict(found.keys())
        return found

    def _of(self, ref: DatasetRef) -> OrderedDict[UUID, _Copy]:
        return self._copies.setdefault(ref.datasetType.name, OrderedDict())

    def _copy(self, source: Butler, wanted: Sequence[DatasetRef]) -> None:
        refs = [ref for ref in wanted if ref.id not in self._of(ref)]
        if not refs:
            return
        if not self._begun:
            # What an earlier process left may be incomplete.
            shutil.rmtree(self._folder, ignore_errors=True)
            self._begun = True
        there = stored_files(source, refs)
        lost = [str(ref) for ref in refs if ref.id not in there]
        if lost:
            raise FileNotFoundError(f"no file of {'; '.join(lost)}")
        copies = {ref.id: self._planned(ref, there[ref.id]) for ref in refs}
        for copy in copies.values():
            copy.folder.mkdir(parents=True, exist_ok=True)
        moves = [
            (original.uri, target.uri)
            for number, copy in copies.items()
            for original, target in zip(there[number], copy.files, strict=True)
        ]
        ResourcePath.mtransfer("copy", moves, overwrite=True)
        for ref in refs:
            self._of(ref)[ref.id] = copies[ref.id]

    def _planned(self, ref: DatasetRef, sources: Iterable[StoredFile]) -> _Copy:
        folder = self._folder / str(ref.id)
        files = []
        for number, source in enumerate(sources):
            # What follows # names a part of the file.
            plain = folder / f"{number}{source.uri.getExtension()}"
            uri = ResourcePath(plain.as_uri())
            part = f"#{source.uri.fragment}" if source.uri.fragment else ""
            info = source.info.update(path=f"{uri.geturl()}{part}")
            files.append(evolve(source, uri=uri, info=info))
        return _Copy(folder=folder, files=tuple(files))

    def _evict(self, needed: Iterable[UUID]) -> None:
        keep = set(needed)
        for copies in self._copies.values():
            spare = [number for number in copies if number not in keep]
            for number in spare[: max(0, len(spare) - self._size)]:
                shutil.rmtree(copies.pop(number).folder, ignore_errors=True)
