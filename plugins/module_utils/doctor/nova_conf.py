# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nova.conf as Nova reads it. Pure.

Syntax, names and values as in oslo.config (``iniparser.py``, ``cfg.py``, ``types.py``): of a repeated option the last value counts, ``$name`` is another
option, ``$$`` and ``\\$`` a dollar sign, an older name counts where the new one is not set, and a section's name is the same in upper case.
"""

from __future__ import annotations

import difflib
import re

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor.options import KNOWN, TABLE

_REFERENCE = re.compile(r"\$(?:\$|\{([_a-zA-Z][._a-zA-Z0-9]*)\}|([_a-zA-Z][._a-zA-Z0-9]*))")


class NovaConf:
    """The options of one nova-compute.

    :arg text: the text of nova.conf; of several files, one after the other in the order in which Nova reads them. Of an option that one file has by its
        older name and another by its new one, the new name counts here; with Nova the later file does.
    :arg definitions: ``{(section, name): Option}`` of each option that is read.
    :arg known: ``{section: names of all of its options}``, for :meth:`unknown`.
    :raises ValueError: the text is not in the format of nova.conf; says the line.
    """

    def __init__(self, text, definitions=None, known=None):
        self._definitions = TABLE if definitions is None else {**TABLE, **definitions}
        self._known = known or KNOWN
        self._texts = {}
        section, option = "DEFAULT", None
        for number, line in enumerate(text.splitlines(), start=1):
            line = line.rstrip()
            if not line:
                option = None
            elif line[0] in " \t":
                if option is None:
                    raise ValueError(f"line {number} continues nothing")
                self._texts[section, option] += "\n" + line.lstrip()
            elif line[0] == "[":
                if line[-1] != "]" or len(line) <= 2:
                    raise ValueError(f"line {number} is no section")
                name = line[1:-1]
                section, option = name if name == "DEFAULT" else name.lower(), None
            elif line[0] in "#;":
                option = None
            else:
                name, separator, value = re.match(r"([^=:]*)([=:]?)(.*)", line).groups()
                if not separator or not name.strip():
                    raise ValueError(f"line {number} has no option and value")
                option = name.strip()  # as it is: with a dash for an underscore it is another name
                value = value.strip()
                if value and value[0] == value[-1] and value[0] in "\"'":
                    value = value[1:-1]
                self._texts[section, option] = value

    def value(self, section, name):
        """Returns an option's value as Nova would compute it; its default where what is set is no value (:meth:`errors` has why).

        :raises KeyError: there is no definition of it.
        """
        option = self._definitions[section, name]
        try:
            return self._value(option)
        except ValueError:
            return option.default

    def place(self, section, name):
        """Returns where an option is set, as ``[section]name``: under an older name where it has that one, under its own where it is not set."""
        option = self._definitions[section, name]
        return "[{}]{}".format(*(self._place(option) or (section, name)))

    def errors(self):
        """Returns a line for each option that is read here and has a value that Nova takes for none."""
        found = []
        for option in self._definitions.values():
            try:
                self._value(option)
            except ValueError as error:
                found.append("[{}]{}: {}".format(*self._place(option), error))
        return found

    def unknown(self):
        """Returns each option of :data:`options.KNOWN`'s sections that Nova does not know, as text with a name that is close to it."""
        found = []
        for section, name in self._texts:
            if section in self._known and name not in self._known[section]:
                close = difflib.get_close_matches(name, self._known[section], n=1)
                found.append(f"[{section}]{name}" + (f" (did you mean '{close[0]}'?)" if close else ""))
        return found

    def _place(self, option):
        names = [(option.section, option.name), *option.deprecated]
        return next((one for one in names if one in self._texts), None)

    def _value(self, option):
        place = self._place(option)
        if place is None:
            return self._resolve(option.default, option.section, 0) if isinstance(option.default, str) else option.default
        return option.parse(self._resolve(self._texts[place], option.section, 0))

    def _resolve(self, value, section, depth):
        def replace(match):
            if match.group(0) == "$$":
                return "$"
            group, separator, name = (match.group(1) or match.group(2)).rpartition(".")
            for place in ((group if separator else section, name), ("DEFAULT", name)):
                option = self._definitions.get(place)
                found = self._place(option) if option else (place if place in self._texts else None)
                text = self._texts[found] if found else option and option.default
                # Ten levels are more than anybody nests.
                if text is not None and depth <= 10:
                    return self._resolve(str(text), place[0], depth + 1)
            return match.group(0)  # of what is neither set nor known here Nova may have a default

        return _REFERENCE.sub(replace, value.replace("\\$", "$$"))
