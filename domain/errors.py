"""The root of every error that this project raises on purpose."""

from typing import override

from domain.addresses import without_users

__all__ = ["PromptProcessingError"]


class PromptProcessingError(Exception):
    """Something is wrong that the project understands and can name.

    The text is one line that says which thing is at fault and why, addresses in it without the user part:
    vendors' errors quote whole ones.
    """

    @override
    def __str__(self) -> str:
        return without_users(super().__str__())
