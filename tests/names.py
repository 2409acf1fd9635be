"""Which names a cell binds, and which it reads from the cells before it."""

import symtable

from IPython.core.inputtransformer2 import TransformerManager


def as_python(source):
    """A cell as IPython runs it: the first installs a course that has an address, by a magic."""
    return TransformerManager().transform_cell(source)


def table_of(cell):
    return symtable.symtable(as_python(cell.source), cell.id, "exec")


def bound(table):
    """Return the names that a cell binds."""
    return {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()}


def read(table):
    """Return the names that a symbol table reads from the notebook, at any depth."""
    top = table.get_type() == "module"
    here = {
        s.get_name() for s in table.get_symbols() if s.is_referenced() and (top or s.is_global())
    }
    return here.union(*map(read, table.get_children()))
