from typing import Any

import pytest
from attrs import frozen

from adapters.common.converters import UnfitError, lenient_converter, rename, strict_converter, structured

NAMES = {"whole": "wholeNumber", "inner": "in"}


@frozen(kw_only=True)
class Inner:
    text: str
    flags: tuple[bool, ...] = ()


@frozen(kw_only=True)
class Outer:
    whole: int
    inner: Inner


@pytest.mark.parametrize(
    ("record", "strict", "lenient"),
    [
        ({"wholeNumber": 1, "in": {"text": "a"}, "more": 1}, "unknown keys more", None),
        ({"wholeNumber": 1.0, "in": {"text": "a"}}, "wholeNumber: 1.0 is not a whole number", None),
        (
            {"wholeNumber": 1, "in": {"text": "a\0"}},
            None,
            r"in.text: 'a\x00' holds characters that no text has",
        ),
        (
            {"wholeNumber": True, "in": 3},
            *["wholeNumber: True is not a whole number; in: is not a mapping"] * 2,
        ),
        (
            {"in": {"text": 3, "flags": [True, 1]}},
            *["wholeNumber: is missing; in.text: 3 is not text; in.flags[1]: 1 is not"] * 2,
        ),
    ],
)
def test_each_converter_names_what_does_not_fit(
    record: dict[str, Any], strict: str | None, lenient: str | None
) -> None:
    for converter, fault in ((strict_converter(), strict), (lenient_converter(), lenient)):
        rename(converter, Outer, NAMES)
        if fault is None:
            assert structured(converter, record, Outer, NAMES).whole == 1
        else:
            with pytest.raises(UnfitError) as caught:
                structured(converter, record, Outer, NAMES)
            assert fault in str(caught.value)
