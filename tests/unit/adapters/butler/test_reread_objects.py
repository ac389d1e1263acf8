"""What several tasks read comes from its file once."""

import uuid
from typing import Any

import numpy as np
from lsst.daf.butler import DataCoordinate, DatasetRef, DatasetType, DimensionUniverse

from adapters.butler.predicted.reread_objects import RereadObjects

_UNIVERSE = DimensionUniverse()


class File:
    """What is read, and how often."""

    def __init__(self, content: Any) -> None:
        self.content = content
        self.reads = 0

    def read(self) -> Any:
        self.reads += 1
        return self.content.copy()


def make_ref(storage_class: str) -> DatasetRef:
    kind = DatasetType("thing", (), storage_class, universe=_UNIVERSE)
    return DatasetRef(kind, DataCoordinate.make_empty(_UNIVERSE), run="run", id=uuid.uuid4())


def test_each_reader_has_a_copy_of_its_own() -> None:
    ref, other = make_ref("NumpyArray"), make_ref("NumpyArray")
    reread = RereadObjects.of([[ref.id], [ref.id, other.id], [ref.id]])
    file, once = File(np.arange(3)), File(np.arange(3))
    for _ in range(3):
        read = reread.get(ref, file.read)
        np.testing.assert_array_equal(read, [0, 1, 2])
        read += 10
    np.testing.assert_array_equal(reread.get(other, once.read), [0, 1, 2])
    assert (file.reads, once.reads) == (1, 1)


def test_after_the_last_reader_nothing_is_kept() -> None:
    ref = make_ref("NumpyArray")
    reread = RereadObjects.of([[ref.id], [ref.id]])
    file = File(np.arange(3))
    for _ in range(3):
        reread.get(ref, file.read)
    assert file.reads == 2


def test_another_form_of_it_is_read_anew() -> None:
    ref = make_ref("ArrowAstropy")
    reread = RereadObjects.of([[ref.id]] * 3)
    file = File(np.arange(3))
    reread.get(ref, file.read)
    reread.get(ref.overrideStorageClass("ArrowNumpy"), file.read)
    assert file.reads == 2


def test_containers_are_read_each_time() -> None:
    ref = make_ref("StructuredDataDict")
    reread = RereadObjects.of([[ref.id]] * 2)
    file = File({"a": 1})
    for _ in range(2):
        assert reread.get(ref, file.read) == {"a": 1}
    assert file.reads == 2
