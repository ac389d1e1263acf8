"""Whether the files of a message are where datasets of their runs can be, before anybody looks for them.

Removing a run deletes the files that its datasets name. A path that a message may choose freely
would let that be the registry itself (``gen3.sqlite3``), the outbox or another run's file.

And the Butler looks for a file first and refuses it afterwards: a path that is an address elsewhere
would make it ask there, and let the writer wait for a server that does not answer.
"""

import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from posixpath import dirname, join
from typing import Final
from urllib.parse import unquote
from uuid import UUID

from attrs import frozen
from lsst.daf.butler import Butler, DatasetRef, FileDataset
from lsst.daf.butler.datastore.file_templates import FileTemplate, FileTemplates
from lsst.resources import ResourcePath

from adapters.butler.shared.names import raw_run
from adapters.butler.shared.registration import is_raw_in_place

__all__ = ["FileStore", "MessagePaths", "file_stores"]

_LONGEST: Final = 900
"""Bytes; an object's key has 1024 at most, and longer ones fail as if the store were away."""

_RELATIVE: Final = re.compile(r"(?![a-zA-Z][\w+.-]*:)(?!/).+", re.DOTALL)

_PART: Final = r"(?!\.{1,2}(?:/|$))[^/\\$\x00-\x1f\x7f]+"
_PLACE: Final = re.compile(rf"(?![.~])(?:{_PART}/)+(?!.*#){_PART}")
"""In a folder of the root, and none of the hidden ones, which are not for datasets. What the Butler would
read as something else in one of its steps is left out: steps up, variables, fragments."""
_ESCAPE: Final = re.compile(r"%[0-9a-fA-F]{2}")
"""Decoded by the Butler once, twice or not at all."""

_HEAD: Final = re.compile(r"((?:[^{}]|\{datasetType\})*\{run(?::[^{}]*)?\}[^/{}]*)/")
"""Of a template: the folders up to the run's, if they follow from run and dataset type."""


@frozen
class FileStore:
    """One datastore of files."""

    root: ResourcePath
    templates: FileTemplates
    named_by: Callable[[Collection[str]], Mapping[str, Collection[UUID]]] = lambda _: {}
    """Finds the datasets that are registered with some of these paths."""


def file_stores(butler: Butler) -> Sequence[FileStore]:
    """List a repository's datastores of files; there are several if it has a chain of them."""
    datastore = butler._datastore
    members = getattr(datastore, "datastores", [datastore])
    return [
        FileStore(each.root, each.templates, each._refs_associated_with_artifacts)
        for each in members
        if hasattr(each, "templates")
    ]


class MessagePaths:
    """Judges the paths of one batch; what many of them have in common is looked at once.

    Parameters
    ----------
    stores
        Where files can be.
    raw_roots
        URIs below which raws can be that stay where they are; the Butler deletes nothing outside of its
        datastore.
    """

    def __init__(self, stores: Sequence[FileStore], raw_roots: Sequence[str] = ()) -> None:
        self._stores = stores
        self._raw_roots = tuple(f"{root.rstrip('/')}/" for root in raw_roots)
        self._bases = {id(store): store.root.ospath if store.root.isLocal else "" for store in stores}
        self._folders: dict[tuple[object, ...], str | None] = {}
        self._real: dict[str, str] = {}
        self._named: dict[str, set[UUID]] = {}

    def check(self, files: Sequence[FileDataset]) -> None:
        """See that each file is in the folder that templates give to its run, or is a raw below a root.

        Raises
        ------
        ValueError
            Raised if one is not.
        """
        for file in files:
            path = str(file.path)
            size = len(path.encode())
            if size > _LONGEST:
                raise ValueError(f"a path has {size} bytes")
            if is_raw_in_place(file):
                self._check_raw(file)
                continue
            places = [(store, place) for store in self._stores if (place := _place(path, store.root))]
            if not places:
                raise ValueError(f"{path!r} is no place for a dataset in the central datastore")
            for ref in file.refs:
                if not any(self._is_in_run(store, place, ref) for store, place in places):
                    raise ValueError(f"{path!r} is not in the folder of run {ref.run!r}")
            self._name(places[0][1], {ref.id for ref in file.refs})

    def check_owners(self) -> None:
        """See that no other dataset is registered with one of the files checked before.

        Raises
        ------
        ValueError
            Raised if one is: whoever removes either of the two would take the other's file.
        """
        for store in self._stores:
            for place, datasets in store.named_by(self._named).items():
                self._name(place, set(datasets))

    def _name(self, place: str, datasets: set[UUID]) -> None:
        if self._named.setdefault(place, datasets) != datasets:
            raise ValueError(f"{place!r} is the file of another dataset")

    def _check_raw(self, file: FileDataset) -> None:
        path = str(file.path)
        if not path.startswith(self._raw_roots) or ".." in unquote(path).split("/"):
            raise ValueError(f"{path!r} is not below {' or '.join(self._raw_roots) or 'any of RAW_ROOTS'}")
        for ref in file.refs:
            if ref.run != raw_run(str(ref.dataId["instrument"])):
                raise ValueError(f"{ref.run!r} is no run of raws")

    def _is_in_run(self, store: FileStore, place: str, ref: DatasetRef) -> bool:
        folder = self._folder(store, ref)
        if folder is None:
            folder = place.partition("/")[0]
        return place.startswith(f"{folder}/") and self._stays(self._bases[id(store)], folder, place)

    def _folder(self, store: FileStore, ref: DatasetRef) -> str | None:
        """Find a run's folder; None if templates have none that follows from the run."""
        # Templates may be an instrument's own.
        key = (id(store), ref.run, ref.datasetType.name, ref.dataId.get("instrument"))
        if key not in self._folders:
            head = _HEAD.match(str(store.templates.getTemplate(ref)))
            self._folders[key] = None if head is None else _formatted(head[1], ref)
        return self._folders[key]

    def _stays(self, base: str, folder: str, place: str) -> bool:
        """Tell whether no link leads out of a folder, nor the folder to what the root is in."""
        if not base:
            return True
        home = self._resolved(join(base, folder))
        file = join(base, place)
        # A Path for each of thousands of files would take longer than the looks.
        real = os.path.realpath(file) if os.path.islink(file) else f"{self._resolved(dirname(file))}/"  # noqa: PTH114
        return real.startswith(f"{home}/") and not f"{self._resolved(base)}/".startswith(f"{home}/")

    def _resolved(self, path: str) -> str:
        if path not in self._real:
            self._real[path] = os.path.realpath(path)
        return self._real[path]


def _place(path: str, root: ResourcePath) -> str | None:
    """Find where in a datastore a path leads; None if nowhere, or not to a dataset's place."""
    place: str | None = path
    if not _RELATIVE.fullmatch(path):
        uri = ResourcePath(path, forceAbsolute=False, forceDirectory=False)
        place = uri.relative_to(root) if uri.isabs() else None
    if place is None or not _PLACE.fullmatch(place) or _ESCAPE.search(place):
        return None
    return place


def _formatted(head: str, ref: DatasetRef) -> str:
    """Write a run's folder as the Butler does, which replaces and decodes characters."""
    path = FileTemplate(f"{head}/{{component:?}}{{id}}").format(ref)
    return dirname(ResourcePath(path, forceAbsolute=False, forceDirectory=False).path)
