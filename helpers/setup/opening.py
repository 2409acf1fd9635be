"""The opening of a notebook: can its first cell import what it says, and is each what it should be?

``why_resnets_work.check`` calls this, after it has made sure that these are the course's helpers.
"""

import ast
import sys

from IPython import get_ipython

from helpers.setup import installation, origins

PROJECTS = {module: name for name, module in installation.MODULES.items()}
# What is tried. The rest is Python's, or the reader's own.
MODULES = {installation.MODULES.get(name, name) for name in installation.PACKAGES} | {"helpers"}
FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def check():
    """Try what the running cell imports. Raises ImportError: one sentence, with how to mend it."""
    __tracebackhide__ = True
    try:
        installation.course()
    except RuntimeError as error:
        raise ImportError(f"the helpers {error}") from None
    shell = get_ipython()
    source = shell.user_ns["In"][-1] if shell else ""
    for statement in compile(source, "a cell", "exec", FLAGS).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            try_out(statement)


def try_out(statement):
    """Run an import statement, if the course needs its modules. Raises ImportError like ``check``.

    A file beside the notebook that hides one of them is named before it is run.
    """
    __tracebackhide__ = True
    modules = [alias.name for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        modules = [statement.module]
    names = [module.split(".")[0] for module in modules]
    for place in filter(None, map(origins.find_beside, names)):
        raise ImportError(origins.describe(place))
    if MODULES.issuperset(names):
        try:
            exec(compile(ast.Module([statement], []), "a cell", "exec"), {})
        except Exception as error:  # a broken package may raise anything
            raise ImportError(explain(names[0], error)) from None


def explain(name, error):
    """Return why ``import name`` failed, and how to mend it, in one sentence."""
    if place := origins.find_culprit(error):
        return origins.describe(place)
    package, _, rest = (getattr(error, "name", None) or name).partition(".")
    if package == "helpers" and isinstance(error, ImportError):
        said = f"another version of the course than the helpers ({installation.say(error)})"
        return f"this notebook is of {said}: {installation.install('')}"
    if isinstance(error, ModuleNotFoundError) and not rest:
        mend = installation.install(PROJECTS.get(package, package))
        return f"{package} is not installed for this kernel, {sys.executable}: {mend}"
    package = origins.find_package(error) or name
    if package == "helpers":  # a file of the course; what pip has under this name is not ours
        return f"the helpers cannot be imported: {installation.say(error)}"
    return f"{package} {installation.explain_broken(PROJECTS.get(package, package), error)}"
