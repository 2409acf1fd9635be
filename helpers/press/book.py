"""The course as a book: one HTML file for each notebook, whose sliders move without kernel, server
or network.

    python -m helpers.press.book build/book

Every notebook is run, and right after each cell its panels are asked for their pictures
(helpers/press/stills.py). What the pages look like and how a panel moves is in helpers/press/pages.
"""

import base64
import io
import itertools
import json
import re
import sys
import tempfile
from html import escape, unescape
from pathlib import Path

import nbformat
from jinja2 import Environment, FileSystemLoader
from latex2mathml.converter import convert
from nbclient import NotebookClient
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from helpers.quizzes import quiz
from helpers.setup.machine import ROOT

PAGES = Path(__file__).resolve().parent / "pages"
# in HTML; dollars in code are dollars
FORMULA = r"(<code\b.*?</code>|<pre\b.*?</pre>)|\$\$(.+?)\$\$|\$([^$]+)\$"
BOOK = "Why ResNets work"
LIMIT = 6_000_000  # bytes of a page
ROOM = 4_200_000  # bytes for the pictures of all panels of a page; as base64 they take a third more
ENOUGH, LEAST = (
    2_000_000,
    450_000,
)  # what one panel may take, and what the panels after it will need
VIEW = "application/vnd.jupyter.widget-view+json"
SETUP = """
import matplotlib
from helpers.explore import Film
Film.recording = True
matplotlib.rcParams["savefig.dpi"] = 200  # two pixels for each one of the page
"""


def build(target, sources=None, readme=ROOT / "README.md"):
    """Write the pages of ``sources`` (notebooks and Markdown files; default: the course) and
    index.html.

    The map of the index page is the section "The course" of ``readme``. Returns the paths of the
    pages. Raises CellExecutionError if a cell or a position of a panel fails, ValueError if a page
    is larger than LIMIT.
    """
    folder = ROOT / "notebooks"
    sources = [
        Path(s) for s in sources or [*sorted(folder.glob("*.ipynb")), *sorted(folder.glob("*.md"))]
    ]
    links = {source.name: f"{source.stem}.html" for source in sources}
    pages = [
        {"file": "index.html", "title": BOOK},
        *({"file": links[s.name], "title": title(s)} for s in sources),
    ]
    for number, page in enumerate(pages):
        page["before"], page["after"] = ([None, *pages, None][number + shift] for shift in (0, 2))
    target = Path(target)
    target.mkdir(parents=True, exist_ok=True)
    written = [write(target, pages[0], [nbformat.v4.new_markdown_cell(front(readme))], {}, links)]
    for page, source in zip(pages[1:], sources, strict=True):
        cells, albums = run(source) if source.suffix == ".ipynb" else (prose(source), {})
        written.append(write(target, page, cells, albums, links))
    return written


def title(source):
    """Return the first heading of a notebook or a Markdown file."""
    cells = (
        nbformat.read(source, as_version=4).cells if source.suffix == ".ipynb" else prose(source)
    )
    return re.search(r"^# (.+)$", cells[0].source, re.MULTILINE)[1]


def prose(source):
    """Return a Markdown file as the one cell of a notebook."""
    return [nbformat.v4.new_markdown_cell(source.read_text(encoding="utf-8"))]


def front(readme):
    """Return the Markdown text of the index page."""
    text = readme.read_text(encoding="utf-8")
    course = re.search(r"^## The course\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]
    return (PAGES / "front.md").read_text(encoding="utf-8").format(book=BOOK, course=course)


def run(source):
    """Run a notebook; return its cells with their outputs, and the albums of its panels by widget
    id.
    """
    notebook = nbformat.read(source, as_version=4)
    cells, albums, room = list(notebook.cells), {}, ROOM
    to_come = sum(
        len(views(cell)) for cell in cells if not is_question(cell)
    )  # as the stored notebook has them
    notebook.cells.append(nbformat.v4.new_code_cell())  # where the kernel is asked
    options = {"timeout": 1200, "extra_arguments": ["--log-level=ERROR"]}
    client = NotebookClient(
        notebook, resources={"metadata": {"path": str(source.parent)}}, **options
    )
    with tempfile.TemporaryDirectory() as folder, client.setup_kernel():
        ask(client, SETUP)
        for number, cell in enumerate(cells):
            client.execute_cell(cell, number)
            for view in views(cell):
                to_come -= not is_question(cell)
                share = max(LEAST, min(ENOUGH, room - LEAST * to_come))
                path = Path(folder, view)
                ask(
                    client,
                    f"import helpers.press.stills; helpers.press.stills.save({view!r}, "
                    f"{str(path)!r}, {share})",
                )
                albums[view] = json.loads(path.read_text(encoding="utf-8"))
                room -= path.stat().st_size * 3 // 4
    return cells, albums


def ask(client, code):
    """Run code in the kernel of a notebook that leaves no trace in the notebook."""
    cells = client.nb.cells
    cells[-1] = nbformat.v4.new_code_cell(code)
    client.execute_cell(cells[-1], len(cells) - 1, store_history=False)


def views(cell):
    """Return the ids of the widgets that a cell shows."""
    data = [output.get("data", {}) for output in cell.get("outputs", [])]
    return [bundle[VIEW]["model_id"] for bundle in data if VIEW in bundle]


def is_question(cell):
    """Whether a cell asks a question, which takes no room of a page."""
    return "quiz" in cell.metadata.get("tags", [])


def write(target, page, cells, albums, links):
    """Write one page and return its path."""
    renderer = Prose(links)
    parts = [part(cell, renderer, albums) for cell in cells]
    texts = {name: (PAGES / name).read_text(encoding="utf-8") for name in ("style.css", "panel.js")}
    texts |= {
        name: (Path(quiz.__file__).parent / name).read_text(encoding="utf-8")
        for name in ("quiz.css", "quiz.js")
    }
    page = page | {"cells": parts, "headings": renderer.headings, "texts": texts}
    font = base64.b64encode((PAGES / "math.woff").read_bytes()).decode("ascii")
    environment = Environment(loader=FileSystemLoader(PAGES), autoescape=True)
    html = environment.get_template("page.html.j2").render(page=page, book=BOOK, font=font)
    path = target / page["file"]
    path.write_text(html, encoding="utf-8")
    if path.stat().st_size > LIMIT:
        raise ValueError(
            f"{path.name} has {path.stat().st_size / 1e6:.1f} MB; a page has at most "
            f"{LIMIT / 1e6:.0f}"
        )
    return path


def part(cell, renderer, albums):
    """Return what the template needs to know of a cell."""
    if cell.cell_type != "code":
        return {"prose": MarkdownWithMath(renderer=renderer).render(cell.source)}
    code = highlight(cell.source, PythonLexer(), HtmlFormatter(nowrap=True))
    return {
        "code": f"<pre>{code}</pre>",
        "outputs": [shown(output, albums) for output in alive(cell, albums)],
    }


def alive(cell, albums):
    """Return the outputs of a cell without what a panel (picture, sentence) or a question stores
    after itself.
    """
    outputs = list(cell.outputs)
    for number, output in reversed(list(enumerate(outputs))):
        album = albums.get(output.get("data", {}).get(VIEW, {}).get("model_id"))
        if album:
            del outputs[number + 1 : number + (2 if "quiz" in album else 3)]
    return outputs


def shown(output, albums):
    """Return what the template needs to know of an output: a panel, a question, a picture, or text."""
    data = output.get("data", {})
    album = albums.get(data.get(VIEW, {}).get("model_id"))
    if album:
        return album if "quiz" in album else {"album": panel(album)}
    if "image/png" in data:
        alt = output.metadata.get("image/png", {}).get("alt") or data.get("text/plain", "picture")
        return {"alt": alt} | picture(base64.b64decode(data["image/png"]))
    if "text/latex" in data:
        return {"html": mathml(data["text/latex"].strip("$ \n"), "block")}
    if "text/html" in data:
        return {"html": data["text/html"]}
    text = output.get("text") or data.get("text/plain") or "\n".join(output.get("traceback", []))
    return {"text": text.rstrip()}


def panel(album):
    """Return an album as the template and the script of the page read it."""
    starts = [control["start"] for control in album["controls"]]
    sentence = album["frames"][",".join(map(str, starts))][1]
    texts = [control["texts"] for control in album["controls"]]
    data = {
        "starts": starts,
        "texts": texts,
        "overlays": album["overlays"],
        "frames": album["frames"],
    }
    return album | {"sentence": sentence, "data": data}


def picture(png):
    """Return a PNG with a palette, small enough for a page, and its size there: half of its pixels."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    buffer = io.BytesIO()
    image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(
        buffer, "png", optimize=True
    )
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return {"png": encoded, "width": image.width // 2, "height": image.height // 2}


class Prose(IPythonRenderer):
    """Markdown to HTML: mathematics as MathML, links between notebooks as links between pages."""

    def __init__(self, links):
        super().__init__(escape=False)
        self.links, self.headings, self._ids = links, [], set()

    def block_math(self, body):
        return mathml(body, "block")

    def inline_math(self, body):
        return mathml(body, "inline")

    def block_html(self, html):
        return re.sub(FORMULA, self._formula, html, flags=re.DOTALL)

    def _formula(self, match):
        code, block, inline = match.groups()
        return code or mathml(unescape(block or inline), "block" if block else "inline")

    def latex_environment(self, name, body):
        return mathml(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")

    def heading(self, text, level, **_):
        words = re.sub(r"<[^>]+>", "", text).strip()
        name = next(name for name in names(re.sub(r"\s+", "-", words)) if name not in self._ids)
        self._ids.add(name)
        if level == 2:
            self.headings.append((name, re.sub(r"</?a\b[^>]*>", "", text)))
        return f'<h{level} id="{escape(name)}">{text}</h{level}>\n'

    def link(self, text, url, title=None):
        if re.match(r"https?:|mailto:|#", url):
            return super().link(text, url, title)
        path, *place = url.split("#", 1)
        page = self.links.get(Path(path).name)
        return super().link(text, "#".join([page, *place]), title) if page else text

    def table(self, text):
        """A table in a box of its own, which can be scrolled where the page is narrow."""
        return f'<div class="table" tabindex="0" role="group" aria-label="Table"><table>{text}</table></div>\n'


def names(name):
    """Yield a name, and then the same name with the numbers that tell it from others."""
    yield name
    yield from (f"{name}-{number}" for number in itertools.count(1))


# What the MathML of latex2mathml leaves too large, too close or too far apart.
REPAIRS = {
    r"<mo>(&#x02016;)": r'<mo stretchy="false">\1',  # the bars of a norm
    # \big: most fonts set it wide apart
    r'<mo minsize="[^"]+" maxsize="[^"]+">': '<mo stretchy="false">',
    # g'
    r"<msup>(<mi>[^<]+</mi>)<mi>(&#x02032;)</mi></msup>": r'<mrow>\1<mo lspace="0" '
    r'rspace="0">\2</mo></mrow>',
    # the letter leans into its superscript
    r"(<msup><mi>[TVWY]</mi><mrow>)": r'\1<mspace width="0.1em" />',
    r"<mo>(max|min)</mo>": r"<mi>\1</mi>",
    r"(<mi>[a-z]{2,}</mi>)(?=<m[in]>)": r'\1<mspace width="0.167em" />',  # ln 10
    r"(>&#x000(?:28|3D|2C);</mo>)<mo>(&#x02212;)": r'\1<mo form="prefix">\2',  # (-2
}


def mathml(latex, display):
    """Return LaTeX as MathML; ``display`` is "inline" or "block".

    Raises ValueError if a command is left over: the reader would see it with its backslash.
    """
    html = convert(latex.strip(), display=display)
    if "\\" in html:
        raise ValueError(f"no MathML for {latex!r}")
    for pattern, better in REPAIRS.items():
        html = re.sub(pattern, better, html)
    return html


if __name__ == "__main__":
    for path in build(*sys.argv[1:2] or ["build/book"], sys.argv[2:]):
        print(f"{path.stat().st_size / 1e6:5.2f} MB  {path}")
