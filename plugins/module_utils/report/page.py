# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a site as one HTML page, which loads nothing and runs no script. Pure.

Everything in it was said by servers or people, so every text is escaped. A state has a word, and its colour only repeats the word.
"""

from __future__ import annotations

from html import escape

from ansible_collections.openstack_vmware.nova.plugins.module_utils.report.groups import WORDS, counts, groups, number, place
from ansible_collections.openstack_vmware.nova.plugins.module_utils.report.summary import DEEDS, changed, seed_state, seeded

# A browser may load nothing for this page but its own style.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
# Each pair of colours has a contrast of 4.5 at least (WCAG 2.1, 1.4.3 AA), borders and focus 3 (1.4.11); tests/report measures it.
STYLE = """
:root { color-scheme: light dark; --back: #fff; --card: #f6f7f9; --text: #1b1f24; --quiet: #4f5863; --line: #838c97; --link: #0b57a4;
  --error: #a3121f; --error-back: #fdecec; --warning: #7a4a00; --warning-back: #fff4d6; --info: #0b4f8a; --info-back: #e8f2fc; --good: #17602b;
  --good-back: #e6f6ea; --focus: #0b57a4; }
@media (prefers-color-scheme: dark) {
  :root { --back: #14171b; --card: #1d2126; --text: #e8eaed; --quiet: #b4bcc6; --line: #7f8994; --link: #8cc2ff; --error: #ffb3b3; --error-back: #451a1d;
    --warning: #ffd98a; --warning-back: #3d2e0b; --info: #a9d3ff; --info-back: #12304d; --good: #9fe0b1; --good-back: #15361f; --focus: #8cc2ff; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; }
header, nav, main, footer { max-width: 75rem; margin: 0 auto; padding: 0 1.25rem; }
h1 { font-size: 1.75rem; margin: 1.5rem 0 0.25rem; }
h2 { font-size: 1.35rem; margin: 2.5rem 0 0.75rem; border-bottom: 1px solid var(--line); padding-bottom: 0.25rem; }
h3 { font-size: 1.05rem; margin: 0 0 0.5rem; overflow-wrap: anywhere; }
p, li { max-width: 60rem; }
a { color: var(--link); }
a:focus-visible, [tabindex]:focus-visible { outline: 3px solid var(--focus); outline-offset: 2px; }
.skip { position: absolute; left: -100rem; background: var(--back); padding: 0.5rem 1rem; }
.skip:focus { left: 0; top: 0; }
.quiet { color: var(--quiet); }
nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem 1.5rem; padding: 0; margin: 1rem 0 0; list-style: none; }
.state { display: inline-block; border: 1px solid currentColor; border-radius: 0.25rem; padding: 0 0.4rem; font-size: 0.875rem; font-weight: 600;
  white-space: nowrap; }
.error { color: var(--error); background: var(--error-back); }
.warning { color: var(--warning); background: var(--warning-back); }
.info { color: var(--info); background: var(--info-back); }
.good { color: var(--good); background: var(--good-back); }
article { background: var(--card); border: 1px solid var(--line); border-radius: 0.5rem; padding: 1rem 1.25rem; margin: 0 0 1rem; }
.scroll { overflow: auto; max-height: 30rem; border: 1px solid var(--line); border-radius: 0.25rem; background: var(--back); }
table { border-collapse: collapse; width: 100%; font-size: 0.9375rem; }
caption { text-align: left; padding: 0.4rem 0.6rem; color: var(--quiet); }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.6rem; border-top: 1px solid var(--line); overflow-wrap: break-word; }
thead th { position: sticky; top: 0; background: var(--card); }
code { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: 0.9em; overflow-wrap: anywhere; }
footer { margin-top: 3rem; padding-bottom: 2rem; }
@media print {
  :root { color-scheme: light; --back: #fff; --card: #fff; --text: #000; --quiet: #333; --line: #777; --link: #000; --error: #000; --warning: #000;
    --info: #000; --good: #000; --error-back: #fff; --warning-back: #fff; --info-back: #fff; --good-back: #fff; }
  body { font-size: 10pt; }
  nav, .skip { display: none; }
  .scroll { overflow: visible; max-height: none; border: 0; }
  thead th { position: static; }
  thead { display: table-header-group; }
  tr, h2, h3 { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
}
"""
GOOD_STATES = ("complete", "seeded")


def html(record):
    """Returns the page. :arg record: as :func:`..summary.record` returns it."""
    sections = [
        ("needs", "What needs somebody", str(len(record["needs"])), _needs(record)),
        ("findings", "Findings", counts(record["findings"]) if record["checked"] else "not looked at", _findings(record)),
        ("site", "Site", number(len(record["computes"]), "nova-compute"), _site(record)),
        ("images", "Images", "not looked at" if record["seeds"] is None else seeded(record), _images(record)),
        ("drift", "Drift", "not looked at" if record["drift"] is None else number(len(record["drift"]), "difference"), _drift(record)),
        ("rules", "Rules without a finding", f"{len(record['passed'])} passed", _rules(record)),
    ]
    title = f"Nova on vSphere: {record['playbook']}"
    mode = "check mode: nothing was changed" if record["check_mode"] else "not in check mode"
    links = "".join(f'<li><a href="#{name}">{_text(heading)}</a> <span class="quiet">{_text(note)}</span></li>' for name, heading, note, _body in sections)
    parts = "".join(f'<section aria-labelledby="{name}"><h2 id="{name}">{_text(heading)}</h2>{body}</section>\n' for name, heading, _note, body in sections)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{_text(POLICY)}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{_text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n'
        f'<a class="skip" href="#main">Skip to the content</a>\n<header><h1>{_text(title)}</h1><p class="quiet">{_text(record["time"])}, {mode}</p></header>\n'
        f'<nav aria-label="Sections"><ul>{links}</ul></nav>\n<main id="main" tabindex="-1">\n{parts}</main>\n'
        '<footer class="quiet"><p>Written by the collection openstack_vmware.nova.</p></footer>\n</body>\n</html>\n'
    )


def _text(text):
    return escape(str(text), quote=True)


def _state(word, kind):
    return f'<span class="state {kind}">{_text(word)}</span>'


def _table(name, caption, heads, rows):
    """Returns a table that scrolls where it is large. The first cell of a row is its heading. Cells are HTML."""
    head = "".join(f'<th scope="col">{_text(one)}</th>' for one in heads)
    body = "".join(f'<tr><th scope="row">{first}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>\n' for first, *cells in rows)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-labelledby="{name}-table"><table><caption id="{name}-table">{_text(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>"
    )


def _needs(record):
    if not record["needs"]:
        return f"<p>{_state('good', 'good')} Nothing needs anybody.</p>"
    return "<ul>" + "".join(f"<li>{_text(line)}</li>" for line in record["needs"]) + "</ul>"


def _findings(record):
    if not record["checked"]:
        return "<p>This run judged no rule. The playbook <code>preflight.yml</code> does.</p>"
    found = groups(record["findings"])
    if not found:
        return f"<p>{_state('good', 'good')} No rule found anything.</p>"
    return "".join(_group(group) for group in found)


def _group(group):
    rows = [(_text(one["object"]), _text(place(one)), _text(one["evidence"])) for one in group["findings"]]
    caption = f"{group['id']}: {number(len(rows), 'finding')}"
    return (
        f'<article aria-labelledby="{group["id"]}"><h3 id="{group["id"]}">{_state(WORDS[group["severity"]], group["severity"])} '
        f"<code>{_text(group['id'])}</code> {_text(group['title'])}</h3>"
        f"<p><strong>Fix:</strong> {_text(group['hint'])}</p>{_table(group['id'], caption, ('Object', 'Where', 'Evidence'), rows)}"
        f'<p class="quiet">Source: {_text(group["source"])}</p></article>'
    )


def _site(record):
    hosts = [
        (_text(one["name"]), _state("reached", "good") if one["reached"] else _state("not reached, or failed", "error")) for one in record["compute_hosts"]
    ]
    rows = [
        (_text(one["host"]), _text(one["compute_host"]), _text(one["vcenter"]), _text(one["cluster_name"]), _text(_deed(one["did"], record["check_mode"])))
        for one in record["computes"]
    ]
    did = changed(record)
    told = f"<p>{'Would change' if record['check_mode'] else 'Changed'}: {_text(did)}</p>" if did else ""
    return f"{told}{_table('hosts', number(len(hosts), 'compute host'), ('Compute host', 'State'), hosts)}<br>" + _table(
        "computes", number(len(rows), "nova-compute"), ("nova-compute", "Compute host", "vCenter", "Cluster", "This run"), rows
    )


def _deed(did, check_mode):
    return DEEDS[did][1 if check_mode else 0] if did else "not touched by this playbook"


def _images(record):
    if record["seeds"] is None:
        return "<p>This run did not look into the image caches. The playbook <code>report.yml</code> does, and changes nothing.</p>"
    if not record["seeds"]:
        return "<p>No image was asked for.</p>"
    tables = []
    for index, vcenter in enumerate(dict.fromkeys(row["vcenter"] for row in record["seeds"])):
        mine = [row for row in record["seeds"] if row["vcenter"] == vcenter]
        images = dict.fromkeys((row["id"], row["image"]) for row in mine)
        states = {(row["datastore"], row["id"]): seed_state(row, record["check_mode"]) for row in mine}
        rows = []
        for datastore in dict.fromkeys(row["datastore"] for row in mine):
            rows.append((_text(datastore), *(_seed(states.get((datastore, image))) for image, _name in images)))
        caption = f"vCenter {vcenter}: {number(len(images), 'image')} on {number(len(rows), 'datastore')}"
        tables.append(_table(f"images-{index}", caption, ("Datastore", *(name for _image, name in images)), rows))
    return "<br>".join(tables)


def _seed(state):
    return '<span class="quiet">not asked for</span>' if state is None else _state(state, "good" if state in GOOD_STATES else "warning")


def _drift(record):
    if record["drift"] is None:
        return "<p>This run did not compare. The playbooks <code>report_drift.yml</code> and <code>report.yml</code> do.</p>"
    if not record["drift"]:
        return f"<p>{_state('good', 'good')} No difference between the inventory and what is there.</p>"
    rows = [(_text(one["host"] or one["compute_host"]), *(_text(one[key]) for key in ("compute_host", "what", "expected", "found"))) for one in record["drift"]]
    return _table("differences", number(len(rows), "difference"), ("nova-compute", "Compute host", "What", "Expected", "Found"), rows)


def _rules(record):
    failed = {finding["id"] for finding in record["findings"]}
    passed = [name for name in record["passed"] if name not in failed]
    text = f"<p>Passed: {', '.join(f'<code>{_text(name)}</code>' for name in passed) or 'none'}.</p>"
    reasons = {(rule["id"], rule["reason"]): rule["objects"] for rule in record["not_checked"]}
    rows = [(f"<code>{_text(name)}</code>", _text(reason), _text(", ".join(objects) or "all")) for (name, reason), objects in reasons.items()]
    return text + (_table("not-checked", f"{number(len(rows), 'rule')} not checked", ("Rule", "Why", "For"), rows) if rows else "")
