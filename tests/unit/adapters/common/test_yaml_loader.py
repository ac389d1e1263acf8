from pathlib import Path

import pytest

from adapters.butler.shared.datastore_root import UnreadableRepositoryError, datastore_root
from adapters.common.yaml_loader import NotYamlError, load_yaml


@pytest.mark.parametrize("text", ["a: 1\nb: {c: 1, c: 2}", "{", "- !unheard of", "? {}\n: 1", "\x00"])
def test_what_is_no_yaml_is_said_in_one_line(text: str) -> None:
    with pytest.raises(NotYamlError) as caught:
        load_yaml(text)
    assert len(str(caught.value).splitlines()) == 1


def test_a_key_that_hides_another_in_a_repositorys_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "butler.yaml").write_text("datastore: {root: s3://a/, root: s3://b/}\n")
    with pytest.raises(UnreadableRepositoryError, match=r"butler.yaml: key 'root' stands twice"):
        datastore_root(str(tmp_path))
