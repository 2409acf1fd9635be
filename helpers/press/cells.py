"""Cells of notebooks as HTML: prose and mathematics, code, outputs, and the page around them."""

import base64
import itertools
import mimetypes
import re
from html import escape, unescape
from pathlib import Path
from urllib.parse import quote, unquote

from jinja2 import Environment, FileSystemLoader
from latex2mathml.converter import convert
from markupsafe import Markup
from nbconvert.filters.ansi import strip_ansi
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from helpers.panels.page import VIEW
from helpers.press.pictures import encode, read_pixels
from helpers.press.tables import TABLES

MARK = '<meta name="generator" content="why-resnets-work">'  # of the pages that may be replaced
PAGES = Path(__file__).resolve().parent / "pages"
# In HTML. Dollars in code are not formulas: the first group finds code, which is left as it is.
FORMULA = r"(<code\b.*?</code>|<pre\b.*?</pre>)|\$\$(.+?)\$\$|\$([^$]+)\$"
PICTURE = r"(<img\b[^<>]*?\ssrc=[\"'])(?!data:|https?:)([^\"']+)"  # in HTML, from somewhere near


def is_page(path):
    """Return whether a file is a page of the course, which may be replaced."""
    with path.open(encoding="utf-8") as file:
        return MARK in file.read(1000)


def render(name, **values):
    """Return the HTML of a page: the template ``name`` of the folder pages/, filled.

    It may ``read`` files of pages/ and of the questions, and has the ``font`` of formulas.
    """
    loader = FileSystemLoader([PAGES, PAGES.parents[1] / "quizzes"])
    environment = Environment(loader=loader, autoescape=True)
    environment.globals["read"] = lambda file: Markup(loader.get_source(environment, file)[0])
    font = base64.b64encode((PAGES / "math.woff").read_bytes()).decode("ascii")
    return environment.get_template(name).render(font=font, mark=Markup(MARK), **values)


def is_question(cell):
    """Return whether a cell asks a question."""
    return "quiz" in cell.metadata.get("tags", [])


def find_view(output):
    """Return the model id of the widget that an output shows, or None."""
    return output.get("data", {}).get(VIEW, {}).get("model_id")


def list_outputs(cell):
    """Return the outputs of a cell, without the texts that repeat the alternative text of a picture
    for JupyterLab, which drops it: pages of ours have it in the picture.
    """
    kept, alt = [], None  # of the picture right before
    for output in cell.get("outputs", []):
        if alt is None or output.get("data", {}).get("text/plain") != alt:
            kept.append(output)
        alt = output.get("metadata", {}).get("image/png", {}).get("alt")
    return kept


def convert_code(source):
    """Return Python code as HTML."""
    return f"<pre>{highlight(source, PythonLexer(), HtmlFormatter(nowrap=True))}</pre>"


def convert_output(output):
    """Return what a template shows of an output: {"html"}, {"text"}, or {"alt", "png", ...}.

    A picture has its width and height on the page, half of its pixels.
    """
    data = output.get("data", {})
    if "image/png" in data:
        alt = output.metadata.get("image/png", {}).get("alt") or data.get("text/plain", "picture")
        pixels = read_pixels(base64.b64decode(data["image/png"]))
        height, width = pixels.shape[0] // 2, pixels.shape[1] // 2
        size = {"width": width, "height": height}
        return {"alt": alt, "png": encode(pixels), "tables": data.get(TABLES, [])} | size
    if "text/latex" in data:
        return {"html": convert_math(data["text/latex"].strip("$ \n"), "block")}
    if "text/html" in data:
        return {"html": data["text/html"]}
    if "text/markdown" in data:
        return {"html": Prose({}).convert(data["text/markdown"])}
    for kind in data:
        if kind.startswith("image/"):
            alt = escape(output.get("metadata", {}).get(kind, {}).get("alt", "picture"))
            return {"html": f'<img src="{_as_url(kind, data[kind])}" alt="{alt}">'}
    text = output.get("text") or data.get("text/plain") or "\n".join(output.get("traceback", []))
    return {"text": strip_ansi(text).rstrip()}


def _as_url(kind, picture):
    """Return a picture as a URL that contains it; notebooks have SVG as text, others as base64."""
    if picture.lstrip().startswith("<"):
        picture = base64.b64encode(picture.encode()).decode("ascii")
    return f"data:{kind};base64,{picture}"


class Prose(IPythonRenderer):
    """Markdown to HTML: mathematics as MathML, links between notebooks as links between pages.

    links: {name of a notebook or a text: its page}; other links to files become plain text.
    folder: of the text; pictures that are there become part of the page.
    ``headings`` collects (id, HTML) of the headings of level 2.
    """

    def __init__(self, links, folder="."):
        super().__init__(escape=False)
        self.links, self.folder, self.headings, self._ids = links, folder, [], set()

    def convert(self, markdown, attachments=None):
        """Return a text as HTML. attachments: pictures of its cell, {name: {type: base64}}."""
        attached = {f"attachment:{name}": kinds for name, kinds in (attachments or {}).items()}

        def embed(match):
            name = unquote(unescape(match[2]))
            file, kind = Path(self.folder, name), mimetypes.guess_type(name)[0]
            if kind and file.is_file():
                attached[name] = {kind: base64.b64encode(file.read_bytes()).decode("ascii")}
            found = [_as_url(*picture) for picture in attached.get(name, {}).items()]
            return match[1] + (found[0] if found else match[2])

        return re.sub(PICTURE, embed, MarkdownWithMath(renderer=self).render(markdown))

    def image(self, text, url, title=None):
        """Return a picture, which ``convert`` embeds."""
        return super(IPythonRenderer, self).image(text, url, title)

    def block_code(self, code, info=None):
        """Return code in a box that can be scrolled."""
        box = '<pre tabindex="0" role="group" aria-label="Code"'
        return super().block_code(code, info).replace("<pre", box, 1)

    def block_math(self, body):
        return convert_math(body, "block")

    def inline_math(self, body):
        return convert_math(body, "inline")

    def latex_environment(self, name, body):
        return convert_math(f"\\begin{{{name}}}{body}\\end{{{name}}}", "block")

    def block_html(self, html):
        """Return HTML as it is, but for its formulas."""

        def replace(match):
            code, block, inline = match.groups()
            return code or convert_math(unescape(block or inline), "block" if block else "inline")

        return re.sub(FORMULA, replace, html, flags=re.DOTALL)

    def heading(self, text, level, **_):
        """Return a heading with an id of its own, made of its words."""
        words = re.sub(r"\s+", "-", re.sub(r"<[^>]+>", "", text).strip())
        numbered = (f"{words}-{number}" for number in itertools.count(1))
        name = next(name for name in itertools.chain([words], numbered) if name not in self._ids)
        self._ids.add(name)
        if level == 2:
            self.headings.append((name, re.sub(r"</?a\b[^>]*>", "", text)))
        return f'<h{level} id="{escape(name)}">{text}</h{level}>\n'

    def link(self, text, url, title=None):
        """Return a link, or only its text if it leads to no page."""
        if re.match(r"https?:|mailto:|#", url):
            return super().link(text, url, title)
        path, *place = url.split("#", 1)
        page = self.links.get(Path(unquote(path)).name)
        return super().link(text, "#".join([quote(page), *place]), title) if page else text

    def table(self, text):
        """Return a table in a box of its own, which can be scrolled where the page is narrow."""
        box = '<div class="table" tabindex="0" role="group" aria-label="Table">'
        return f"{box}<table>{text}</table></div>\n"

    def table_cell(self, text, align=None, head=False):
        """Return a cell of a table; an empty head is no head."""
        tag = "th" if head and text.strip() else "td"
        style = f' style="text-align:{align}"' if align else ""
        return f"<{tag}{style}>{text}</{tag}>\n"


# What latex2mathml makes too large, too close or too far apart.
REPAIRS = {
    # \lVert: the bars of a norm
    r"<mo>(&#x02016;)": r'<mo stretchy="false">\1',
    # \big: most fonts set it wide apart
    r'<mo minsize="[^"]+" maxsize="[^"]+">': '<mo stretchy="false">',
    # g'
    r"<msup>(<mi>[^<]+</mi>)<mi>(&#x02032;)</mi></msup>": (
        r'<mrow>\1<mo lspace="0" rspace="0">\2</mo></mrow>'
    ),
    # T^{[l]}: the letter leans into its superscript
    r"(<msup><mi>[TVWY]</mi><mrow>)": r'\1<mspace width="0.1em" />',
    # \max
    r"<mo>(max|min)</mo>": r"<mi>\1</mi>",
    # \ln 10
    r"(<mi>[a-z]{2,}</mi>)(?=<m[in]>)": r'\1<mspace width="0.167em" />',
    # (-2: a sign, no subtraction
    r"(>&#x000(?:28|3D|2C);</mo>)<mo>(&#x02212;)": r'\1<mo form="prefix">\2',
}


def convert_math(latex, display):
    """Return LaTeX as MathML; ``display`` is "inline" or "block".

    A block can be scrolled, and takes the keyboard's focus for that. Raises ValueError if a command
    is left over: the reader would see it with its backslash.
    """
    html = convert(latex.strip(), display=display)
    if "\\" in html:
        raise ValueError(f"no MathML for {latex!r}")
    for pattern, better in REPAIRS.items():
        html = re.sub(pattern, better, html)
    return html.replace("<math", '<math tabindex="0"', 1) if display == "block" else html
