"""axe-core: which rules of accessibility does a page break?"""

from pathlib import Path

import axe_playwright_python

PROGRAM = Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text(encoding="utf-8")
# WCAG 2.2 AA, and what axe-core calls best practices.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CHECK = """
([parts, rules]) => axe.run(parts, { runOnly: rules }).then((found) => found.violations.flatMap(
  (broken) => broken.nodes.map((node) => [broken.id, node.html.slice(0, 200)])))
"""


def broken_rules(page, parts="html"):
    """Return [rule, HTML] of each part of a page that breaks a rule; parts: a selector."""
    page.evaluate(PROGRAM)
    return page.evaluate(CHECK, [parts, RULES])
