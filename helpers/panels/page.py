"""What panels and questions have in common, whatever page shows them: JupyterLab, Voila, Colab."""

import base64
import html
from pathlib import Path

import ipywidgets as widgets
from IPython.display import display

from helpers.setup.language import translate

# Of all that a cell shows, this needs least of the server. It goes where a panel or a question is
# drawn, and appears where none is after some seconds.
STYLE = """<style>
.course-lacking { height: 0; margin: 0; overflow: hidden; }
.course-lacking { animation: course-lacking 0s 8s forwards; }
@keyframes course-lacking { to { height: auto; } }
.widget-vbox:has(.explore, .quiz) > .course-lacking { display: none; }
</style>"""
LACKING = translate(
    "<b>This cannot move here:</b> the server of this page lacks the package anywidget, or has one "
    "older than 0.9. Whoever runs the server installs it (<code>pip install -U anywidget</code>) "
    "and starts the server again; then reload the page, and run the cell again."
)
VIEW = "application/vnd.jupyter.widget-view+json"


def code(*paths):
    """Return the JavaScript of a widget, after that of page.js."""
    parts = Path(__file__).with_suffix(".js"), *paths
    return "".join(part.read_text(encoding="utf-8") for part in parts)


def view(widget, text):
    """Return what an output has to hold for a page to show a widget; ``text`` is for the others."""
    model = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {VIEW: model, "text/plain": text}


def store(png, alt, text, more=()):
    """Display a picture, and below it a text, if any, that a screen reader reaches everywhere:
    JupyterLab shows pictures without their alternative texts.

    more: what else belongs to the picture, by MIME type.
    """
    picture = {
        "image/png": base64.b64encode(png).decode("ascii"),
        "text/plain": text or translate("figure"),
    }
    picture |= dict(more)
    display(picture, metadata={"image/png": {"alt": alt}}, raw=True)
    if text:
        display({"text/html": f"<p>{html.escape(text)}</p>", "text/plain": text}, raw=True)


def lacking():
    """Return a widget that says what a server lacks whose pages cannot draw ours."""
    notice = widgets.HTML(f"{STYLE}<p>{LACKING}</p>")
    notice.add_class("course-lacking")
    return notice
