"""Addresses as people may read them."""

import re
from typing import Final

__all__ = ["without_users"]

# With one slash too: that is what is left of an address that was taken for a path.
_USER: Final = re.compile(r"(?<![\w+.-])([A-Za-z][\w+.-]*:/{1,2})([^\s/?#\"'<>]*)@")
# Of brokers and servers, which are named without a scheme.
_BARE_USER: Final = re.compile(r"(?<![\w./:@+-])[\w.+-]*:[^\s/?#\"'<>@]+@(?=[\w\[])")
_QUERY: Final = re.compile(r"([?&](?:password|passwd|token)=)[^&\s\"'<>]+", re.IGNORECASE)


def without_users(text: str) -> str:
    """Leave the user part, which may hold a password, out of all addresses in a text.

    Everything that quotes an address in a log, an error or a dead letter passes
    through here. In ``s3://profile@bucket/key`` the part names a profile, and
    stays. A password or token of the query is left out as well.
    """
    if "@" not in text and "=" not in text:
        return text
    return _QUERY.sub(r"\1...", _BARE_USER.sub("", _USER.sub(_bare, text)))


def _bare(address: re.Match[str]) -> str:
    scheme, user = address.groups()
    names_a_profile = scheme.lower() == "s3://" and ":" not in user
    return address[0] if names_a_profile else scheme
