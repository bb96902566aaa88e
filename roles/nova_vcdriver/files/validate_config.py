# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks nova.conf and secrets.conf against the option definitions of the Nova that runs this script.

Nova itself ignores options that it does not know, so a typing error stays unseen until somebody misses its effect.

Option: --allow-deprecated makes a warning of an option that Nova will remove.
Each value is also read as Nova reads it, with its references ($name) and its type: one that Nova could not read is an error, and so is one that Nova
would read as something else than what was meant.

Standard input: a JSON list with one object for each nova-compute: "files" maps file names to the files' text, and "literal" maps sections to options to
what Nova must read of them.
Standard output: one line a finding, ``<file>:<line>: [<section>] <option>: <text>``. Values of secrets are not printed.
Exit code: 0 without errors (warnings may be there), 2 with errors. Anything else means that it could not check.
"""

import copy
import difflib
import json
import os
import re
import sys

from keystoneauth1 import loading
from oslo_config import cfg, iniparser
from stevedore import named

# The namespaces of Nova's etc/nova/nova-config-generator.conf, and those of the libraries that nova-compute uses besides.
NAMESPACES = (
    "nova.conf", "castellan.config", "cotyledon", "keystonemiddleware.auth_token", "os_brick", "os_vif", "oslo.cache",
    "oslo.concurrency", "oslo.config", "oslo.db", "oslo.limit", "oslo.log", "oslo.messaging", "oslo.middleware",
    "oslo.policy", "oslo.privsep", "oslo.reports", "oslo.service.periodic_task", "oslo.service.service",
    "oslo.service.sslutils", "oslo.service.wsgi", "oslo.versionedobjects", "osprofiler",
)  # fmt: skip
SECRETS_FILE = "secrets.conf"
# What Nova had once, and what to do instead. Option or section: (release that removed it, what to do).
REMOVED = {
    ("vmware", "wsdl_location"): ("16.0.0", "remove it: Nova reads the WSDL from the vCenter"),
    ("vnc", "keymap"): ("19.0.0", "use [vmware] vnc_keymap"),
    ("DEFAULT", "use_neutron"): ("21.0.0", "remove it: Nova has Neutron only"),
    ("DEFAULT", "firewall_driver"): ("21.0.0", "remove it: Neutron does security groups"),
    ("glance", "host"): ("14.0.0", "remove it: Nova finds Glance in the catalog of Keystone"),
    ("glance", "allowed_direct_url_schemes"): ("23.0.0", "remove it: this driver does not need it"),
    ("neutron", "admin_username"): ("13.0.0", "use nova_vcdriver_auth"),
    ("neutron", "url"): ("20.0.0", "use [neutron] endpoint_override"),
}


class Assignments(iniparser.BaseParser):
    """Reads a file as oslo.config does and keeps (line, section, option, value) of each assignment in ``found``."""

    def __init__(self, text):
        """Reads the text of a file. Raises iniparser.ParseError when it is not in the format of nova.conf."""
        super().__init__()
        self.section = "DEFAULT"
        self.found = []
        # The empty line at the end makes the parser hand out the last assignment like the others: one line late.
        self.parse([*text.splitlines(), ""])

    def new_section(self, section):
        """Called by the parser at a section's head."""
        self.section = section

    def assignment(self, key, value):
        """Called by the parser on the line after an assignment; ``value`` has one string for each line."""
        self.found.append((self.lineno - len(value), self.section, key, "\n".join(value)))


def definitions():
    """Gives two dicts: (group, name) to option, and (group, old name) to (group, name) of what replaced it.

    Raises RuntimeError when Nova's own definitions cannot be loaded; a library that is not installed has none.
    """
    options, replaced, failed = {}, {}, {}
    found = named.NamedExtensionManager(
        "oslo.config.opts", NAMESPACES, on_load_failure_callback=lambda _manager, entry_point, error: failed.update({entry_point.name: error})
    )
    if "nova.conf" not in found.names():
        raise RuntimeError(f"cannot load Nova's option definitions: {failed.get('nova.conf', 'Nova is not installed')}")
    for extension in found:
        for group, members in extension.plugin():
            add(options, replaced, getattr(group, "name", group) or "DEFAULT", members)
    return options, replaced


def add(options, replaced, group, members):
    """Adds the options of a group to the dicts of ``definitions``."""
    for option in members:
        options.setdefault((group, option.dest), option)
        for old in option.deprecated_opts:
            old_key = (old.group or group, (old.name or option.dest).replace("-", "_"))
            replaced.setdefault(old_key, (group, option.dest))


def type_error(option, value):
    """Gives what is wrong with a value, or None. References such as ``$state_path`` are left to Nova."""
    if re.search(r"(?<![\\$])\$[a-z{]", value):
        return None
    try:
        option.type(value.replace("$$", "$"))
    except (ValueError, TypeError) as error:
        return f"not a valid value of type {option.type}" if option.secret else str(error)
    return None


def reader(files, options):
    """Gives Nova's own view of the files: an oslo_config.cfg.ConfigOpts with these options. The texts, which have secrets, get into no file on a disk.

    files: dict of file name to text. options: as ``definitions`` gives them.
    """
    conf = cfg.ConfigOpts()
    for (group, name), option in options.items():
        if name in ("config_file", "config_dir", "config_source"):  # oslo.config has these by itself
            continue
        option = copy.copy(option)
        option.required = False  # of sections that this nova-compute does not use
        conf.register_opt(option, group=None if group == "DEFAULT" else group)
    paths = []
    for name, text in files.items():
        descriptor = os.memfd_create(os.path.basename(name))
        os.write(descriptor, text.encode())
        paths.append(f"/proc/self/fd/{descriptor}")
    try:
        conf(args=[], project="nova", default_config_files=paths, default_config_dirs=[])
    finally:
        for path in paths:
            os.close(int(path.rpartition("/")[2]))
    return conf


def reading_error(conf, section, option, literal):
    """Gives what is wrong with an option as Nova reads it, or None. No value is in the text.

    conf: as ``reader`` gives it. literal: the text that Nova must read, None where it may be any.
    """
    try:
        value = getattr(conf if section == "DEFAULT" else conf[section], option.dest)
    except (cfg.TemplateSubstitutionError, cfg.NoSuchOptError):  # the option itself is there
        return "refers to an option that is not there ($name); write $$ for a dollar sign"
    except cfg.ConfigFileValueError:
        return f"not a valid value of type {option.type}"
    if literal is not None and str(value) != literal:
        return "Nova would read something else than what was given: change the value"
    return None


def suggestion(name, names):
    """Gives ', did you mean ...' for a name close to one of ``names``, or an empty string."""
    close = difflib.get_close_matches(name, names, n=1)
    return f", did you mean {close[0]}?" if close else ""


def check(files, options, replaced, allow_deprecated=False, literal=None):
    """Checks the files of one nova-compute, which Nova reads as one.

    files: dict of file name to text. literal: dict of section to dict of option to what Nova must read.
    allow_deprecated: an option that Nova will remove is a warning, not an error.
    Gives (errors, warnings), lists of lines to print.
    """
    errors, warnings, found = [], [], []
    for path, text in files.items():
        try:
            found += [(path, *assignment) for assignment in Assignments(text).found]
        except iniparser.ParseError as error:
            errors.append(f"{path}:{error.lineno}: {error.msg}")
    options = dict(options)
    # A section's auth_type decides which further options it has (keystoneauth1 loads the plugin by this name).
    for path, line, section, name, value in found:
        if name == "auth_type" and (section, name) in options:
            try:
                add(options, {}, section, loading.get_auth_plugin_conf_options(value))
            except Exception as error:  # any failure of a plugin means that it cannot be used
                errors.append(f"{path}:{line}: [{section}] auth_type: {error}")
    groups = {group for group, _name in options}
    conf = None if errors else reader(files, options)
    for path, line, section, name, value in found:
        where = f"{path}:{line}: [{section}] {name}"
        option = options.get((section, name))
        if option is None:
            if (section, name) in replaced:
                errors.append(f"{where}: deprecated name, use [{replaced[section, name][0]}] {replaced[section, name][1]}")
            elif (section, name) in REMOVED:
                release, way_out = REMOVED[section, name]
                errors.append(f"{where}: Nova {release} has removed it; {way_out}")
            elif section not in groups:
                errors.append(f"{where}: unknown section{suggestion(section, groups)}")
            else:
                errors.append(f"{where}: unknown option{suggestion(name, [n for g, n in options if g == section])}")
            continue
        problem = type_error(option, value)
        if conf and not problem:
            problem = reading_error(conf, section, option, ((literal or {}).get(section) or {}).get(name))
        if problem:
            errors.append(f"{where}: {problem}")
        if option.secret and os.path.basename(path) != SECRETS_FILE:
            errors.append(f"{where}: a secret, which belongs in {SECRETS_FILE}")
        if option.deprecated_for_removal:
            text = f"{where}: deprecated, Nova will remove it: {option.deprecated_reason or 'no reason given'}"
            (warnings if allow_deprecated else errors).append(text)
    return errors, warnings


def main():
    """Reads standard input, prints the findings and gives the exit code."""
    allow_deprecated = "--allow-deprecated" in sys.argv[1:]
    options, replaced = definitions()
    errors, warnings = [], []
    for compute in json.load(sys.stdin):
        more_errors, more_warnings = check(compute["files"], options, replaced, allow_deprecated, compute["literal"])
        errors += more_errors
        warnings += more_warnings
    for line in errors + warnings:
        print(" ".join(line.split()))
    return 2 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
