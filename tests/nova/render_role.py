# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders what roles/nova_vcdriver writes for the first cluster. Runs in the control environment, which has Ansible and no Nova.

Standard input: variables as JSON. Standard output: {file name: text} as JSON. ANSIBLE_COLLECTIONS_PATH says where the collection is.
"""

import json
import sys
from pathlib import Path

from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar, trust_as_template

ROLE = Path(__file__).resolve().parents[2] / "roles" / "nova_vcdriver"


def main():
    """Evaluates the role's variables and its template as Ansible does, without a play."""
    init_plugin_loader()
    loader = DataLoader()
    variables = {"role_path": str(ROLE), "inventory_hostname": "compute-1", "ansible_managed": "Ansible"}
    for path in [ROLE / "defaults" / "main.yml", *sorted((ROLE / "vars" / "main").glob("*.yml"))]:
        variables.update(loader.load_from_file(str(path), trusted_as_template=True))
    variables.update(json.load(sys.stdin))
    get = Templar(loader=loader, variables=variables).template
    instance = get(variables["__nova_vcdriver_instances"])[0]
    trees = {"nova.conf": instance["config"], "secrets.conf": get(variables["__nova_vcdriver_secrets"])[instance["host"]]}
    template = trust_as_template((ROLE / "templates" / "nova.conf.j2").read_text(encoding="utf-8"))
    files = {}
    for name, tree in trees.items():
        own = {**variables, "__nova_vcdriver_instance": instance, "__nova_vcdriver_tree": tree}
        files[name] = Templar(loader=loader, variables=own).copy_with_new_env(available_variables=own).template(template)
    print(json.dumps(files))


if __name__ == "__main__":
    main()
