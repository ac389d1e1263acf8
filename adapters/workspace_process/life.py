"""Until when the child lives: as long as the lease is good, or, from its claim on, until that ends."""

import signal
import threading
import time
from collections.abc import Callable, Sequence

from ports.ledger import Attempt, Claims

__all__ = ["Life", "MortalClaims"]


class Life:
    """Sets the kernel's alarm, which heeds neither native code nor a process that was stopped."""

    def __init__(self) -> None:
        self.tell: Callable[[float], None] = lambda _: None
        """Told when a claim that was made ends, by the monotonic clock."""
        self._lock = threading.Lock()
        self._is_claimed = False

    def hold(self, until: float | None) -> None:
        """Live until then, by the monotonic clock, unless there is a claim; None: the attempt is over."""
        with self._lock:
            self._is_claimed = self._is_claimed and until is not None
            if not self._is_claimed:
                _live_until(until)

    def claim(self, make: Callable[[], None], seconds: float) -> None:
        """Make a claim, and live until it ends; a lease that ends meanwhile waits for its answer.

        With 0 seconds it ends with the lease.
        """
        with self._lock:
            end = time.monotonic() + seconds
            make()
            if self._is_claimed or not seconds:
                return
            self._is_claimed = True
            _live_until(end)
        self.tell(end)


class MortalClaims:
    """`ports.ledger.Claims` whose end is this process's own.

    Parameters
    ----------
    claims
        Made by them.
    life
        Of this process.
    seconds
        How long a claim lasts; 0: as long as the lease.
    """

    def __init__(self, claims: Claims, life: Life, seconds: float) -> None:
        self._claims = claims
        self._life = life
        self._seconds = seconds

    def claim(self, attempt: Attempt, exposures: Sequence[int]) -> None:
        """See `ports.ledger.Claims.claim`."""
        self._life.claim(lambda: self._claims.claim(attempt, exposures), self._seconds)


def _live_until(instant: float | None) -> None:
    """Set the alarm, anew each time; what is over already ends this process now."""
    if instant is None:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    elif (seconds := instant - time.monotonic()) > 0.0:
        signal.setitimer(signal.ITIMER_REAL, seconds)
    else:
        signal.raise_signal(signal.SIGALRM)
