# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""report.html in a real browser: in light and dark, by keyboard, on a narrow screen and on paper."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from selenium.webdriver import ActionChains, Keys

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def show(browser, theme="light", media="screen", width=1280):
    """Shows the page in a theme, on a medium, in a window of so many CSS pixels."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [{"name": "prefers-color-scheme", "value": theme}]})
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False})


def keep(browser, name):
    """Keeps a picture of the top of the page where the variable PICTURES names a folder."""
    if folder := os.environ.get("PICTURES"):
        browser.save_screenshot(str(Path(folder) / f"{name}.png"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 320])
def test_axe_finds_nothing(browser, axe, theme, width):
    """Landmarks, headings, names, tables, contrast, focus: what axe-core knows of WCAG 2.2 AA and good practice."""
    show(browser, theme, width=width)
    keep(browser, f"report-{theme}-{width}")
    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    browser.execute_script(axe)
    found = browser.execute_async_script("axe.run(document, {runOnly: arguments[0]}).then(arguments[1], error => arguments[1]({error: String(error)}))", RULES)
    assert "error" not in found
    assert len(found["passes"]) > 20
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]] == []


def test_the_theme_is_the_readers(browser):
    backs = []
    for theme in ("light", "dark"):
        show(browser, theme)
        backs.append(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))
    assert backs == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]


def test_nothing_is_loaded_and_nothing_runs(browser):
    """What a server said stays text."""
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert browser.execute_script("return document.querySelectorAll('script, img, link, iframe').length") == 0
    assert browser.title == "Nova on vSphere: report"
    assert "onerror" in browser.execute_script("return document.body.innerText")
    assert [entry["message"] for entry in browser.get_log("browser")] == []


def test_a_narrow_screen_does_not_scroll_sideways(browser):
    """WCAG 1.4.10: at 320 pixels only tables scroll, each in its own box."""
    show(browser, width=320)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= 320


def test_the_keyboard_gets_everywhere(browser):
    """The first key leads to the link that skips the navigation; then come the sections and each table that scrolls, and one sees where one is."""
    show(browser)
    browser.refresh()
    stops = []
    for _key in range(60):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        stop = browser.execute_script(
            "const it = document.activeElement, style = getComputedStyle(it);"
            "return [it.tagName, it.getAttribute('href') || it.getAttribute('aria-labelledby'), style.outlineStyle, parseFloat(style.outlineWidth)]"
        )
        if stop[0] == "BODY":
            break
        stops.append(stop)
    assert stops[0][:2] == ["A", "#main"]
    assert [name for tag, name, *_outline in stops if tag == "A"][1:] == ["#needs", "#findings", "#site", "#images", "#drift", "#rules"]
    tables = browser.execute_script("return [...document.querySelectorAll('.scroll')].map(one => one.getAttribute('aria-labelledby'))")
    assert [name for tag, name, *_outline in stops if tag == "DIV"] == tables
    assert all(style != "none" and width >= 2 for _tag, _name, style, width in stops)


def test_the_skip_link_leads_to_the_content(browser):
    show(browser)
    browser.refresh()
    ActionChains(browser).send_keys(Keys.TAB).send_keys(Keys.ENTER).perform()
    assert browser.execute_script("return document.activeElement.id") == "main"


def test_on_paper_everything_is_there(browser):
    """Nothing scrolls there, nothing is dark, and the way around is left out."""
    show(browser, "dark", "print")
    keep(browser, "report-print")
    assert browser.execute_script("return [...document.querySelectorAll('.scroll')].filter(one => one.scrollHeight > one.clientHeight + 1).length") == 0
    assert browser.execute_script("return getComputedStyle(document.querySelector('nav')).display") == "none"
    assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": False})["data"])
    assert pdf.startswith(b"%PDF") and pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") + pdf.count(b"/Type /Page/") >= 3
    if folder := os.environ.get("PICTURES"):
        (Path(folder) / "report.pdf").write_bytes(pdf)
