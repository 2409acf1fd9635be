"""Jobs that take turns: three of one length, on two cores, take no longer than one and a half."""

from collections import deque


def take_turns(pool, jobs, is_halted):
    """Run generators to their ends, a step at a time, on all threads of a pool.

    Returns early once ``is_halted()``, after the steps that are under way. Raises what they raise.
    """
    waiting = deque(jobs)

    def work(_thread):
        while waiting and not is_halted():
            try:
                job = waiting.popleft()
            except IndexError:  # another thread was quicker
                return
            if next(job, waiting) is not waiting:
                waiting.append(job)

    list(pool.map(work, range(len(waiting))))
