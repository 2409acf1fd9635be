"""Takes the pictures of the README: `make pictures`. Not a test, so its name keeps it out of `make
test`.
"""

from lab import MINUTE, PANEL, ROOT
from playwright.sync_api import expect

PICTURES = {"02_shrinking_to_the_identity": ("shrink.png", 0), "race": ("race.png", 0)}


def test_take_pictures(opened):
    for notebook, (name, number) in PICTURES.items():
        page = opened(notebook)
        panel = page.locator(PANEL).nth(number)
        panel.scroll_into_view_if_needed()
        if notebook.startswith("02"):
            panel.locator(".noUi-handle").focus()
            for _ in range(65):
                page.keyboard.press("ArrowLeft")
        if notebook == "race":
            panel.get_by_role("button", name="start").click()
            expect(panel.get_by_role("status").first).to_contain_text("epoch 20", timeout=MINUTE)
        page.wait_for_timeout(2000)
        panel.screenshot(path=ROOT / "notebooks" / "pictures" / name)
