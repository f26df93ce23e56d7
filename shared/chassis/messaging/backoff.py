"""Waiting between attempts to reach a store or broker that is away."""

import random


class Backoff:
    """Seconds to wait: doubling from `first` to `limit`, each drawn between its half and itself.

    The draw keeps all processes from coming back in the same instant.
    """

    def __init__(self, first: float = 0.5, limit: float = 10.0) -> None:
        self._first, self._limit = first, limit
        self._next = first

    def next(self) -> float:
        """Return how long to wait now, in seconds."""
        ceiling = self._next
        self._next = min(self._limit, ceiling * 2)
        return random.uniform(ceiling / 2, ceiling)

    def reset(self) -> None:
        """Begin with the shortest wait again, after a success."""
        self._next = self._first
