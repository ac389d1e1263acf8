"""Providers whose arguments the type checker sees.

dependency_injector types what a provider makes, and not what it is made of: a
misspelt argument or setting would be found when a process starts. So each
provider calls a small typed function, and what it calls it with is checked
here, one provider for each parameter.
"""

from collections.abc import Callable
from typing import Any, overload

from dependency_injector.providers import Provider, Singleton

__all__ = ["singleton"]


@overload
def singleton[Made](make: Callable[[], Made], /) -> Provider[Made]: ...
@overload
def singleton[A, Made](make: Callable[[A], Made], a: Provider[A], /) -> Provider[Made]: ...
@overload
def singleton[A, B, Made](
    make: Callable[[A, B], Made], a: Provider[A], b: Provider[B], /
) -> Provider[Made]: ...
@overload
def singleton[A, B, C, Made](
    make: Callable[[A, B, C], Made], a: Provider[A], b: Provider[B], c: Provider[C], /
) -> Provider[Made]: ...
@overload
def singleton[A, B, C, D, Made](
    make: Callable[[A, B, C, D], Made], a: Provider[A], b: Provider[B], c: Provider[C], d: Provider[D], /
) -> Provider[Made]: ...
@overload
def singleton[A, B, C, D, E, Made](
    make: Callable[[A, B, C, D, E], Made],
    a: Provider[A],
    b: Provider[B],
    c: Provider[C],
    d: Provider[D],
    e: Provider[E],
    /,
) -> Provider[Made]: ...
@overload
def singleton[A, B, C, D, E, F, Made](
    make: Callable[[A, B, C, D, E, F], Made],
    a: Provider[A],
    b: Provider[B],
    c: Provider[C],
    d: Provider[D],
    e: Provider[E],
    f: Provider[F],
    /,
) -> Provider[Made]: ...
@overload
def singleton[A, B, C, D, E, F, G, Made](
    make: Callable[[A, B, C, D, E, F, G], Made],
    a: Provider[A],
    b: Provider[B],
    c: Provider[C],
    d: Provider[D],
    e: Provider[E],
    f: Provider[F],
    g: Provider[G],
    /,
) -> Provider[Made]: ...
@overload
def singleton[A, B, C, D, E, F, G, H, Made](
    make: Callable[[A, B, C, D, E, F, G, H], Made],
    a: Provider[A],
    b: Provider[B],
    c: Provider[C],
    d: Provider[D],
    e: Provider[E],
    f: Provider[F],
    g: Provider[G],
    h: Provider[H],
    /,
) -> Provider[Made]: ...
@overload
def singleton[A, B, C, D, E, F, G, H, I, Made](
    make: Callable[[A, B, C, D, E, F, G, H, I], Made],
    a: Provider[A],
    b: Provider[B],
    c: Provider[C],
    d: Provider[D],
    e: Provider[E],
    f: Provider[F],
    g: Provider[G],
    h: Provider[H],
    i: Provider[I],
    /,
) -> Provider[Made]: ...
@overload
def singleton[A, B, C, D, E, F, G, H, I, J, Made](
    make: Callable[[A, B, C, D, E, F, G, H, I, J], Made],
    a: Provider[A],
    b: Provider[B],
    c: Provider[C],
    d: Provider[D],
    e: Provider[E],
    f: Provider[F],
    g: Provider[G],
    h: Provider[H],
    i: Provider[I],
    j: Provider[J],
    /,
) -> Provider[Made]: ...
def singleton(make: Callable[..., Any], /, *arguments: Provider[Any]) -> Provider[Any]:
    """Provide what `make` returns: made once in a container, of what its other providers give."""
    return Singleton(make, *arguments)
