# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nova.conf as the rules read it. Pure.

Syntax and values as in oslo.config (``iniparser.py``, ``types.py``): of a repeated option the last value counts, later files win,
``$name`` is another option, ``$$`` a dollar sign.
"""

from __future__ import annotations

import re

TRUE = frozenset(["true", "1", "on", "yes"])
FALSE = frozenset(["false", "0", "off", "no"])
_REFERENCE = re.compile(r"\$(?:\$|\{?(?:([A-Za-z_]\w*)\.)?([A-Za-z_]\w*)\}?)")


class NovaConf:
    """The options of one nova-compute.

    :arg text: the text of nova.conf; of several files, one after the other in the order in which Nova reads them.
    :raises ValueError: the text is not in the format of nova.conf; says the line.
    """

    def __init__(self, text):
        self._values = {}
        section, option = "DEFAULT", None
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip() or line.lstrip()[0] in "#;":
                if not line.strip():
                    option = None
                continue
            if line[0].isspace():
                if option is None:
                    raise ValueError(f"line {number} continues nothing")
                self._values[section, option] += "\n" + line.strip()
                continue
            if line[0] == "[":
                if "]" not in line or line.index("]") == 1:
                    raise ValueError(f"line {number} is no section")
                section, option = line[1 : line.index("]")], None
                continue
            name, separator, value = re.match(r"([^=:]*)([=:]?)(.*)", line).groups()
            if not separator or not name.strip():
                raise ValueError(f"line {number} has no option and value")
            option = name.strip().replace("-", "_")
            value = value.strip()
            if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
                value = value[1:-1]
            self._values[section, option] = value

    def get(self, section, option, default=None):
        """Returns the text of an option with its references replaced, or ``default`` where it is not set or empty."""
        return self._resolve(self._values.get((section, option)), section, 0) or default

    def _resolve(self, value, section, depth):
        def replace(match):
            if match.group(0) == "$$":
                return "$"
            group, name = match.group(1) or section, match.group(2)
            found = self._values.get((group, name), self._values.get(("DEFAULT", name)))
            # A reference to what is not set here is left: Nova may have a default for it. Ten levels are more than anybody nests.
            return match.group(0) if found is None or depth > 10 else self._resolve(found, group, depth + 1)

        return value if not value else _REFERENCE.sub(replace, value)

    def boolean(self, section, option, default):
        """Returns an option as oslo.config's Boolean reads it; ``default`` for what is not set or no boolean."""
        text = str(self.get(section, option, default)).lower()
        return text in TRUE if text in TRUE | FALSE else default

    def integer(self, section, option, default):
        """Returns an option as a whole number; ``default`` for what is not set or no number."""
        try:
            return int(self.get(section, option, default))
        except ValueError:
            return default
