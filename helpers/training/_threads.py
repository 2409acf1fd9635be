"""Stacks of nets side by side, each on a core of its own."""

import threading
from concurrent.futures import ThreadPoolExecutor, wait

import torch


def count():
    """How many stacks are trained at a time: more than four would wait for one another at Python's lock."""
    return min(torch.get_num_threads(), 4)


def side_by_side(work, stacks):
    """The results of ``work(stack, stop)``; an error or an interrupt sets ``stop`` and waits until all have ended.

    The cores are shared out: PyTorch's number of threads belongs to each thread that calls it, and is set in each.
    """
    stop, cores = threading.Event(), torch.get_num_threads()
    workers = min(count(), len(stacks))
    if workers == 1:
        return [work(stack, stop) for stack in stacks]
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(cores // workers,))
    running = []
    try:
        for stack in stacks:
            running.append(pool.submit(work, stack, stop))
        return [one.result() for one in running]
    finally:
        try:
            _end(pool, running, stop)
        finally:
            torch.set_num_threads(cores)  # threads that start later begin with the number that was set last


def _end(pool, running, stop):
    """Wait for the threads, also if the stop button is pressed again: what they write to must not be read before.

    Waiting for the results, not for the threads: Python 3.11 takes a thread for ended once ``join`` was interrupted.
    """
    interrupt = None
    while True:
        try:
            stop.set()
            for one in running:
                one.cancel()
            wait(running)
            pool.shutdown()
            break
        except KeyboardInterrupt as again:
            interrupt = again
    if interrupt:
        raise interrupt
