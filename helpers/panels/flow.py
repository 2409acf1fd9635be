"""Flow control: as many pictures are under way to a page as its line takes without a queue."""

import time
from math import inf

MAX_SENT = 16  # pictures under way
QUEUE = 0.02  # seconds that a picture may take longer than the quickest before it
PATIENCE = 2.0  # seconds after which a picture that nobody has acknowledged counts as lost


class Flow:
    """Tells when the next picture may be sent ahead; the page acknowledges each.

    Two may be under way at first, and one more with each that comes as quickly as any before. After
    one that had to wait on the line it is half as many; and from then on one more only when so many
    came as quickly as one alone: a live picture finds hardly any queue there.

    now: the clock, in seconds.
    """

    def __init__(self, now=time.monotonic):
        self._now, self._sent, self._quickest, self._limit = now, {}, inf, 2
        self._waited = False  # whether any had to

    def send(self, key):
        """Note that a picture is on its way."""
        self._sent[key] = self._now(), len(self._sent) + 1

    def arrive(self, key):
        """Note that a page has it; of several pages, the quickest counts."""
        if key in self._sent:
            sent, count = self._sent.pop(key)
            took = self._now() - sent
            self._quickest = min(self._quickest, took)
            if took > self._quickest + QUEUE:
                self._limit, self._waited = max(1, self._limit // 2), True
            elif count >= self._limit or not self._waited:
                self._limit = min(self._limit + 1, MAX_SENT)

    def is_free(self):
        """Return whether one more picture may be sent."""
        lost = self._now() - PATIENCE
        self._sent = {key: sent for key, sent in self._sent.items() if sent[0] > lost}
        return len(self._sent) < self._limit
