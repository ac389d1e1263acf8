"""A console of rich on which text from outside is shown as it stands."""

from typing import Any, override

from rich.console import Console

from entrypoints.saying import shown

__all__ = ["Screen"]


class Screen(Console):
    """A console on which text is neither what moves the cursor nor an address with a password."""

    @override
    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(shown(one) if isinstance(one, str) else one for one in objects), **options)
