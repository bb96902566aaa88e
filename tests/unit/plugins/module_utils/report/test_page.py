# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page: what is in it, and that nothing gets in that is not ours. tests/browser looks at it in a browser."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[4] / "support"))

from story import EVIL, check, compute, finding, record, seed, told  # noqa: E402

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report import page  # noqa: E402

VOID = {"meta", "br"}


class Reader(HTMLParser):
    """Reads a page and refuses tags that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def everything():
    """Gives a record in which each text is evil."""
    drift = [{"host": EVIL, "what": EVIL, "expected": EVIL, "found": EVIL}]
    missed = [{"id": EVIL, "reason": EVIL, "objects": [EVIL]}]
    evil = finding("BAD", EVIL, title=EVIL, evidence=EVIL, source=EVIL, hint=EVIL, vcenter=EVIL)
    story = told(EVIL, computes=[compute(EVIL, EVIL)], did={EVIL: "new"}, checks=[check(evil, passed=[EVIL], not_checked=missed)], drift=drift)
    return record({**story, "seeds": [seed(image=EVIL, datastore=EVIL)], "changes": [EVIL], "needs": [EVIL]})


def test_every_text_is_escaped():
    read = Reader(page.html(everything()))
    assert "script" not in read.tags
    assert "".join(read.words).count(EVIL) >= 20


def test_nothing_is_loaded_and_nothing_runs():
    text = page.html(everything())
    read = Reader(text)
    assert {value for name, value in read.attributes if name in ("href", "src")} == {
        "#main", "#needs", "#findings", "#site", "#images", "#drift", "#rules",
    }  # fmt: skip
    assert not {name for name, _value in read.attributes if name.startswith("on")}
    assert not re.search(r"url\(|@import", page.STYLE)


def test_ids_are_unique_and_links_lead_somewhere():
    story = told(checks=[check(finding("A", "x"), finding("B", "y"))], seeds=[seed(), {**seed(), "item": {"vcenter": "vc2"}}], drift=[])
    read = Reader(page.html(record(story)))
    ids = [value for name, value in read.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {value.lstrip("#") for name, value in read.attributes if name in ("href", "aria-labelledby")} <= set(ids)


def test_what_nobody_looked_at_is_said():
    text = "".join(Reader(page.html(record())).words)
    for words in ("This run judged no rule", "This run did not look into the image caches", "This run did not compare", "Nothing needs anybody."):
        assert words in text


def test_the_state_of_each_image_on_each_datastore():
    rows = [seed(), seed(image="ubuntu", datastore="nova-b1", state="complete", action="none")]
    text = page.html(record(told(seeds=[{"item": {"vcenter": "vc1"}, "images": [row["images"][0] for row in rows]}])))
    found = re.findall(r'<tr><th scope="row">(nova-..)</th>(.*?)</tr>', text)
    words = [(name, re.findall(r"<span[^>]*>([^<]*)</span>", cells)) for name, cells in found]
    assert words == [("nova-a1", ["seeded", "not asked for"]), ("nova-b1", ["not asked for", "complete"])]


def palettes():
    """Gives the colours of the style by theme: ``{theme: {name: (red, green, blue)}}``."""
    light, dark, _print = (re.findall(r"--([a-z-]+): (#[0-9a-f]+)", part) for part in re.split(r"@media", page.STYLE))
    found = {}
    for theme, pairs in (("light", light), ("dark", dark)):
        found[theme] = {name: tuple(int(value.lstrip("#").ljust(6, value[-1])[at : at + 2], 16) for at in (0, 2, 4)) for name, value in pairs}
    return found


def luminance(colour):
    """WCAG 2.1, relative luminance."""
    red, green, blue = (part / 255 / 12.92 if part / 255 <= 0.04045 else ((part / 255 + 0.055) / 1.055) ** 2.4 for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    """WCAG 2.1, contrast ratio."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_contrast(theme):
    """WCAG 2.1 AA: 4.5 for text, 3 for borders and the focus."""
    colours = palettes()[theme]
    texts = [(text, back) for text in ("text", "quiet", "link") for back in ("back", "card")]
    texts += [(state, f"{state}-back") for state in ("error", "warning", "info", "good")]
    low = {pair: round(contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in texts if contrast(colours[pair[0]], colours[pair[1]]) < 4.5}
    low |= {pair: contrast(colours[pair[0]], colours[pair[1]]) for pair in [("line", "back"), ("line", "card"), ("focus", "back")]
            if contrast(colours[pair[0]], colours[pair[1]]) < 3}  # fmt: skip
    assert low == {}
