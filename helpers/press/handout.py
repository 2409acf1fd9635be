"""The course on paper: one PDF of all pages of the book, which Chromium prints.

    python -m helpers.press.handout [build/book [build/handout.pdf]]

The pages are joined to one, without scripts, next to the PDF. How it looks on paper is in
helpers/press/pages/print.css.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from html import escape, unescape
from pathlib import Path
from urllib.parse import quote, unquote

from helpers.files.writing import check, write
from helpers.press.book import BOOK
from helpers.press.cells import is_page, render
from helpers.press.command import main, weigh

MAC = "/Applications/{0}.app/Contents/MacOS/{0}".format
BROWSERS = (
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"),
    *map(MAC, ("Google Chrome", "Chromium", "Microsoft Edge")),
)
MINUTES = 10


def build(pages="build/book", target="build/handout.pdf"):
    """Print the book in the folder ``pages``; return the path of the PDF.

    Exits with one sentence if there is no book, no Chromium, or no PDF. Raises OSError if it cannot
    be written, or if something else is there.
    """
    target = Path(target).resolve()
    page = target.with_suffix(".html")

    def is_ours(path):
        return path.read_bytes().startswith(b"%PDF") and is_page(page)

    check(target, is_ours)
    write(page, join(Path(pages)), is_page)
    with tempfile.TemporaryDirectory() as folder:
        write(target, print_page(page, Path(folder, "handout.pdf")), is_ours)
    return target


def print_page(page, part):
    """Let a browser print ``page`` to the file ``part``; return what it wrote."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(
            "Chromium prints the handout, and it is not installed: install it (or Chrome, or "
            f"Edge), or open {page} in any browser and print it."
        )
    options = ["--headless", "--disable-gpu", "--no-pdf-header-footer", f"--print-to-pdf={part}"]
    if sys.platform != "win32" and os.geteuid() == 0:
        options.append("--no-sandbox")  # Chromium refuses root without it
    command = [browser, *options, page.as_uri()]
    printed = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60 * MINUTES
    )
    if not part.exists():
        sys.exit(f"{browser} has printed no PDF of {page}: {printed.stderr.strip()[-500:]}")
    return part.read_bytes()


def join(pages):
    """Return all pages of the book as one, in their order, with links between its parts."""
    parts = []
    name = "index.html"
    while name:
        if not (pages / name).exists():
            sys.exit(f"{pages / name} is missing: make book writes it.")
        html = (pages / name).read_text(encoding="utf-8")
        parts.append({"id": Path(name).stem, "html": localise(html, Path(name).stem)})
        following = re.search(r'<a rel="next" href="([^"]+)"', html)
        name = unquote(unescape(following[1])) if following else None
    return render("handout.html.j2", book=BOOK, parts=parts)


def localise(html, name):
    """Return the text of a page with ids and links that are valid in a page of all pages."""
    text = re.search(r"<main[^>]*>(.*)</main>", html, re.DOTALL)[1]
    text = re.sub(r"<script\b.*?</script>", "", text, flags=re.DOTALL)
    text = re.sub(r'(<[^<>]*?\s(?:id|for)=")', lambda match: f"{match[1]}{escape(name)}--", text)
    text = re.sub(r'(<a\b[^<>]*?href=")#', rf"\g<1>#{quote(name)}--", text)
    text = re.sub(r'(<a\b[^<>]*?href=")([\w.~%-]+)\.html#', r"\g<1>#\g<2>--", text)
    return re.sub(r'(<a\b[^<>]*?href=")([\w.~%-]+)\.html"', r'\g<1>#\g<2>"', text)


if __name__ == "__main__":
    main(lambda pages, more: [weigh(build(pages, *(more or [])[:1]))], "build/book")
