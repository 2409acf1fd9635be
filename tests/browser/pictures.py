"""Takes the pictures of the README: `make pictures`. Not a test, so its name keeps it out of `make
test`.
"""

from lab import MINUTE, PANEL, ROOT
from playwright.sync_api import expect

PICTURES = {  # notebook: {file: the number of a panel}
    "02_shrinking_to_the_identity": {"shrink.png": 0},
    "race": {"race.png": 0},
    "07_why_it_works": {"step.png": 1, "trial.png": 3},
}


def test_take_pictures(opened):
    for notebook, pictures in PICTURES.items():
        page = opened(notebook)
        for name, number in pictures.items():
            panel = page.locator(PANEL).nth(number)
            panel.scroll_into_view_if_needed()
            set_controls(page, panel, name)
            page.wait_for_timeout(2000)
            panel.screenshot(path=ROOT / "notebooks" / "pictures" / name)


def set_controls(page, panel, name):
    """Move what a picture shows moved; wait for the end of a training."""
    if name == "shrink.png":
        panel.locator(".noUi-handle").focus()
        for _ in range(65):
            page.keyboard.press("ArrowLeft")
    if name == "race.png":
        panel.get_by_role("button", name="start").click()
        expect(panel.get_by_role("status").first).to_contain_text("epoch 20", timeout=MINUTE)
