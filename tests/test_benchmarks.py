"""What the README says of measured figures is what the stored results say."""

import json
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
RESULTS = TESTS / "benchmarks" / "results"


def words(text):
    return " ".join(text.split())


def test_the_readme_quotes_the_benchmark_of_the_panels(monkeypatch):
    monkeypatch.syspath_prepend(str(TESTS / "benchmarks"))
    sys.modules.pop("panels", None)
    import panels

    report = json.loads((RESULTS / "panels.json").read_text(encoding="utf-8"))
    readme = (TESTS.parent / "README.md").read_text(encoding="utf-8")
    assert words(panels.sentences(report)) in words(readme)
    assert report["long_drag"]["moves"] >= 10_000
    assert all(row["ours"]["moves"] >= 30 for row in report["panels"])
