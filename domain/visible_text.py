"""Text from outside, as a terminal may show it."""

__all__ = ["visible"]


def visible(text: str, *, keep_lines: bool = False) -> str:
    r"""Write what is not printable as an escape, such as ``\x1b`` or ``\u202e``.

    A group, a file's name or a header may hold what moves a terminal's cursor,
    changes its colours or turns text around.

    Parameters
    ----------
    text
        From wherever.
    keep_lines
        True leaves line feeds and tabs as they are.
    """
    if text.isprintable():
        return text
    kept = "\n\t" if keep_lines else ""
    return "".join(one if one.isprintable() or one in kept else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    return repr(character)[1:-1]
