"""What the cards of a file say."""

from collections.abc import Iterable, Mapping

from astropy.io import fits

__all__ = ["CardValue", "is_floating", "joined", "value_of", "values"]

type CardValue = str | int | float

_BLANKS = str.maketrans(dict.fromkeys("\0\t\n\v\f\r", " "))
_COMMENTS = frozenset({"", "COMMENT", "HISTORY"})


def values(cards: Iterable[fits.Card]) -> dict[str, CardValue]:
    """Give the cards that say something, by keyword; of several with one keyword, the last.

    A card without a keyword is a comment. One without a value, or with blanks for one, says nothing.
    """
    said = {}
    for card in cards:
        if card.keyword not in _COMMENTS and (value := _value(card)) is not None:
            # One of another convention is another card.
            if card.keyword in said and card.image.startswith("HIERARCH"):
                continue
            said[card.keyword] = value
    return said


def value_of(header: fits.Header, keyword: str) -> CardValue | None:
    """Give what the first card of a keyword says; None if it says nothing, or is absent."""
    return _value(header.cards[keyword]) if keyword in header else None


def is_floating(cards: Mapping[str, object]) -> bool:
    """Tell whether the pixels of an image with these cards are floating-point numbers."""
    bits = cards.get("ZBITPIX", cards.get("BITPIX"))
    return isinstance(bits, int) and bits < 0


def joined(primary: fits.Header, image: fits.Header) -> fits.Header:
    """Put an image's cards and those of the primary HDU together; the image's come first, and count."""
    if image is primary:
        return image.copy()
    cards = [card for card in image.cards if card.keyword in _COMMENTS or _value(card) is not None]
    known = {card.keyword for card in cards} - _COMMENTS
    # Header.extend looks each of them up, five times as long: a raw may have sixteen images.
    for card in primary.copy(strip=True).cards:
        if card.keyword not in known:
            cards.append(card)
            known |= {card.keyword} - _COMMENTS
    return fits.Header(cards)


def _value(card: fits.Card) -> CardValue | None:
    """Give a card's value: None if it has none, the text of one that FITS does not know (NaN, say)."""
    try:
        value = card.value
    except fits.VerifyError:
        value = _mended(card)
    if isinstance(value, str):
        return value.rstrip() or None
    return value if isinstance(value, int | float) else None


def _mended(card: fits.Card) -> object:
    # Some writers fill up with NUL, or with tabs. What a card says that cannot be parsed, astropy tells in no
    # other way.
    card = fits.Card.fromstring(card._image.translate(_BLANKS))
    try:
        card.verify("silentfix")
        value: object = card.value
    # Some of its characters cannot be printed, or it goes on in a card that is no text.
    except (ValueError, fits.VerifyError):
        return None
    return value
