"""Notebooks as they are run for teachers and for the book: what fails is said with its cell."""

from contextlib import contextmanager

from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError


@contextmanager
def naming(path, cells, number):
    """Raise what fails while cell ``number`` of a notebook runs as a ValueError of one sentence.

    It names the notebook, the cell as Jupyter counts those with code, its id, and the error.
    """
    try:
        yield
    except (CellControlSignal, DeadKernelError) as error:
        what = str(error)
        if isinstance(error, CellExecutionError):
            what = f"{error.ename}: {error.evalue}".strip(": ")
        count = sum(cell.cell_type == "code" for cell in cells[: number + 1])
        raise ValueError(f"{path}, cell [{count}] ({cells[number].id}): {what}") from error
