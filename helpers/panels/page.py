"""What panels and questions have in common, whatever page shows them: JupyterLab, Voila, Colab."""

from pathlib import Path

VIEW = "application/vnd.jupyter.widget-view+json"


def code(path):
    """Return the JavaScript of a widget, after that of page.js."""
    parts = Path(__file__).with_suffix(".js"), Path(path)
    return "".join(part.read_text(encoding="utf-8") for part in parts)


def view(widget, text):
    """Return what an output has to hold for a page to show a widget; ``text`` is for the others."""
    model = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    return {VIEW: model, "text/plain": text}
