"""Which code the book folds: what only prepares or makes a drawing. What teaches stays open."""

import ast

from IPython.core.inputtransformer2 import TransformerManager

SHORT = 8  # code of so many lines is never folded
MIN_SHARE = 0.75  # of the lines of a cell; constants, such as alternative texts, do not count
DRAWING = {"plots", "diagrams", "axes"}  # whatever names one of them, draws


def name_fold(source, panel):
    """Return the words under which the book folds the code of a cell; "" leaves it open.

    panel: whether the cell shows a panel.
    """
    lines = len(source.splitlines())
    if lines <= SHORT:
        return ""
    if panel:
        return f"The code of this panel, {lines} lines"
    return f"The code of this drawing, {lines} lines" if only_draws(source) else ""


def only_draws(source):
    """Return whether nearly all statements of a cell make or prepare a drawing.

    What is made of a drawing belongs to it. A cell that claims or prints something teaches.
    """
    try:
        tree = ast.parse(TransformerManager().transform_cell(source))  # magics are calls, too
    except SyntaxError:  # it may be there to show one
        return False
    if any(isinstance(node, ast.Assert) for node in ast.walk(tree)) or "print" in _names(tree):
        return False
    drawing, lines = set(DRAWING), {True: 0, False: 0}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and not _names(statement.value):
            continue  # a constant
        draws = bool(_names(statement) & drawing)
        lines[draws] += statement.end_lineno - statement.lineno + 1
        if draws:
            drawing |= _names(statement, ast.Store)
    return lines[True] > 0 and lines[True] >= MIN_SHARE * sum(lines.values())


def _names(tree, context=ast.Load):
    """Return the names that a piece of code reads, or, with ast.Store, those that it gives."""
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    return {name.id for name in names if isinstance(name.ctx, context)}
