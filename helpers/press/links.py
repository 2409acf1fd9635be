"""Where the course can be had: the address of pyproject.toml, in README.md and in each notebook.

    python -m helpers.press.links [FOLDER]

The first code cell of each notebook begins with helpers/press/pages/first_cell.py.j2: how to
install the course, which Colab and Kaggle do by themselves. With an address, README.md and the
first cell of each notebook lead to places where it runs in a browser; without one, nothing does.
"""

import json
import re
import tomllib
from pathlib import Path
from urllib.parse import quote, urlsplit

from jinja2 import Template

from helpers.files.notebooks import parse_cells
from helpers.files.texts import read_text
from helpers.files.writing import write
from helpers.press.command import main
from helpers.setup.machine import ROOT

CELL = Path(__file__).with_name("pages") / "first_cell.py.j2"
# What an earlier call wrote: into the first code cell, the first cell, and the README.
OPENING = re.compile(
    r"(^import os\n\nCOURSE = (?:.*\n)*?)?"
    r"^try:\n    import why_resnets_work\n(?:.*\n)*?why_resnets_work\.check\(.*\)\n+",
    re.MULTILINE,
)
LAUNCH = re.compile(r" ·\nOpen in \[(Colab|Binder)\]\(.*\Z")
ROW = re.compile(r"^\| only a browser \|.*\n", re.MULTILINE)
HEAD = "| you have | do this |\n|---|---|\n"  # of the README's table


def build(root=ROOT):
    """Write the address of pyproject.toml wherever it belongs; yield the paths of changed files.

    Raises ValueError if a notebook is damaged, or has no Markdown cell or no code cell: then
    nothing is written.
    """
    address = find_address(root / "pyproject.toml")
    paths = [p for each in ("", "[!.]*/") for p in (root / "notebooks").glob(f"{each}[!.]*.ipynb")]
    texts = {path: edit(path, address) for path in sorted(paths)}
    readme = root / "README.md"
    links = list_links(address, min(texts, default=readme).name)
    row = f"| only a browser | {links}; each notebook has links of its own |\n" if links else ""
    texts[readme] = ROW.sub("", read_text(readme)).replace(HEAD, HEAD + row)
    for path, text in texts.items():
        if path.read_text(encoding="utf-8") != text:
            write(path, text, Path.is_file)
            yield path


def find_address(project):
    """Return the address of the repository in a pyproject.toml, "" if it has none."""
    urls = tomllib.loads(project.read_text(encoding="utf-8"))["project"].get("urls", {})
    names = sorted(urls, key=lambda name: name.lower() not in ("repository", "source"))
    return urls[names[0]].strip().rstrip("/").removesuffix(".git") if names else ""


def edit(path, address):
    """Return the text of a notebook with its opening and its links for ``address``.

    In a folder of ``notebooks`` that has messages, the opening chooses the language that this is
    called like.
    """
    notebook, folder = parse_cells(path), path.parent.name
    up = "" if folder == "notebooks" else "../"
    place = f"{folder}/{path.name}" if up else path.name
    language = folder if (path.parent / "messages.json").is_file() else ""
    changes = {
        "markdown": lambda source: add_launch(source, address, place),
        "code": lambda source: add_opening(source, address, up, language),
    }
    for kind, change in changes.items():
        cell = next((cell for cell in notebook["cells"] if cell["cell_type"] == kind), None)
        if cell is None:
            raise ValueError(f"{path} has no {kind} cell: it is no notebook of the course")
        cell["source"] = change("".join(cell["source"])).splitlines(True)
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def add_opening(source, address, up="", language=""):
    """Return the source of a first code cell that begins with the opening.

    up: the way from the notebook to the folder ``notebooks``. language: its own, if not English.
    """
    opening = Template(CELL.read_text(encoding="utf-8"), keep_trailing_newline=True)
    values = {"address": address, "up": up, "language": language}
    return opening.render(values) + OPENING.sub("", source, count=1)


def add_launch(source, address, place):
    """Return the text of a first cell that ends in links to places that run the notebook."""
    links = list_links(address, place)
    return LAUNCH.sub("", source) + (f" ·\nOpen in {links}" if links else "")


def list_links(address, place):
    """Return Markdown links to places that run a notebook in a browser, "" if none can.

    place: of the notebook, in the folder ``notebooks``.

    Colab reads only GitHub; Binder reads any repository on the web.
    """
    parts = urlsplit(address)
    if parts.scheme != "https":
        return ""
    path, repository = quote(f"notebooks/{place}"), parts.path.strip("/")
    github = parts.netloc == "github.com"
    source = f"gh/{repository}" if github else f"git/{quote(address, safe='')}"
    colab = f"https://colab.research.google.com/github/{repository}/blob/main/{path}"
    binder = f"https://mybinder.org/v2/{source}/HEAD?urlpath=lab/tree/{path}"
    return " · ".join([f"[Colab]({colab})"] * github + [f"[Binder]({binder})"])


if __name__ == "__main__":
    main(lambda root, _: (f"changed {path}" for path in build(Path(root))), ROOT)
