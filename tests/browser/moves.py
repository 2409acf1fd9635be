"""Move the controls of a panel by keyboard and by mouse, and see picture and sentence change."""

import re
import time

from lab import PANEL


def panels(page):
    return page.locator(PANEL)


def menu(page, name, entry):
    page.get_by_role("menuitem", name=name, exact=True).click()
    page.get_by_role("menuitem", name=re.compile(f"^{entry}")).first.click()


def state(panel):
    return panel.locator(".widget-image").get_attribute("src"), panel.locator(
        "[role=status]"
    ).first.text_content()


def changes(panel, act, what):
    """Do something to a control; picture and sentence must both change, and no error be shown."""
    before = state(panel)
    act()
    end = time.monotonic() + 15
    while time.monotonic() < end:
        picture, sentence = state(panel)
        if picture != before[0] and sentence != before[1]:
            assert panel.locator("[role=alert]").count() == 0, panel.locator(
                "[role=alert]"
            ).text_content()
            return
        time.sleep(0.05)
    raise AssertionError(f"{what}: nothing changed")


def followed(panel, act, what):
    """The same, and wait until the kernel has drawn all places on the way: the picture of one of
    them would pass for the answer to the next move.
    """
    changes(panel, act, what)
    idle, seen = panel.page.get_by_text(re.compile(r"\| Idle$")), 0
    end = time.monotonic() + 15
    while seen < 3:  # it is idle for a moment between two moves
        assert time.monotonic() < end, f"{what}: the kernel does not rest"
        time.sleep(0.05)
        seen = seen + 1 if idle.count() else 0


def drag(page, handle, distance):
    handle.scroll_into_view_if_needed()
    box = handle.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + distance, y, steps=15)
    page.mouse.up()


def in_upper_half(handle):
    low, now, high = (
        float(handle.get_attribute(f"aria-value{part}")) for part in ("min", "now", "max")
    )
    return now > (low + high) / 2


def move_every_control(page, panel):
    """Move each control of one panel in every way it has; return how many there were."""
    sliders, boxes, choices = (
        panel.locator(kind) for kind in (".widget-slider", ".widget-checkbox", ".widget-dropdown")
    )
    for slider in sliders.all():
        name, handle = (
            slider.locator(".widget-label").first.text_content(),
            slider.locator(".noUi-handle"),
        )
        assert name
        value = slider.locator(".widget-readout").text_content()
        handle.focus()
        key = "ArrowLeft" if in_upper_half(handle) else "ArrowRight"
        followed(
            panel,
            lambda key=key: [page.keyboard.press(key) for _ in range(3)],
            f"{name} by keyboard",
        )
        assert slider.locator(".widget-readout").text_content() != value
        distance = -90 if in_upper_half(handle) else 90
        followed(panel, lambda handle=handle, d=distance: drag(page, handle, d), f"{name} by mouse")
    for choice in choices.all():
        select = choice.locator("select")
        here, count = select.evaluate("element => [element.selectedIndex, element.length]")
        for key in (
            ["ArrowDown"] * (count - 1 - here) + ["ArrowUp"] * (count - 1) + ["ArrowDown"] * here
        ):
            followed(panel, lambda k=key, s=select: s.press(k), f"{choice.text_content()}, {key}")
    for box in boxes.all():
        for _ in range(2):
            followed(
                panel,
                lambda box=box: box.locator("input").press("Space"),
                f"switch {box.text_content()}",
            )
    return sliders.count() + boxes.count() + choices.count()
