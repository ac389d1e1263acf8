"""Addresses as people may read them."""

import re
from typing import Final

__all__ = ["without_users"]

# With one slash too: that is what is left of an address that was taken for a path.
_USER: Final = re.compile(r"(?<![\w+.-])((?!s3:)[A-Za-z][\w+.-]*:/{1,2})[^\s/?#\"'<>]*@")


def without_users(text: str) -> str:
    """Leave the user part, which may hold a password, out of all addresses in a text.

    Everything that quotes an address in a log, an error or a dead letter passes
    through here. In ``s3://profile@bucket/key`` the part names a profile, and
    stays.
    """
    return _USER.sub(r"\1", text)
