"""Names of known bodies and their identifiers, as the Minor Planet Center packs them."""

import pytest

from domain.results.designations import body_name
from prompt_pipelines.solar_system.designations import BadDesignationError, packed, ss_object_id


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("(1)", "00001"), ("(5945)", "05945"), ("(99999)", "99999"), ("(100345)", "A0345"),
        ("(360017)", "a0017"),
        ("(620000)", "~0000"), ("(620061)", "~000z"), ("(3140113)", "~AZaz"), ("1995 XA", "J95X00A"),
        ("1995 XL1", "J95X01L"), ("1998 SV127", "J98SC7V"), ("2008 AA360", "K08Aa0A"),
        ("2040 P-L", "PLS2040"),
        ("1010 T-2", "T2S1010"),
    ],
)  # fmt: skip
def test_names_and_identifiers_tell_one_another(name: str, short: str) -> None:
    assert packed(name) == short == packed(short)
    assert body_name(ss_object_id(name)) == name


@pytest.mark.parametrize("name", ["", "2019 1", "much too long", "Häddick"])
def test_what_is_no_designation_is_refused(name: str) -> None:
    with pytest.raises(BadDesignationError, match="is no designation of a body"):
        ss_object_id(name)


def test_what_has_no_name_is_blank_and_what_is_not_packed_stays_as_it_is() -> None:
    assert body_name(0) == ""
    assert body_name(int.from_bytes(b"BODY7")) == "BODY7"
