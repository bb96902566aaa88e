"""The versions of ansible-core and Python that the collection is tested with, and how: the one table of them.

The stages `unit` and `sanity` run everything on the oldest ansible-core, that of `.lab/venv`, by ansible-test. The stage `matrix` runs what is in this table.
`requires_ansible` in `meta/runtime.yml` is the oldest; tests/unit/test_collection.py holds them together.

Why 2.19 is the oldest: ansible-core 2.18 renders a variable with all that is in it, so an `admin_password` that is not at hand ends playbooks that don't
need it (`test_variables_in_variables` of the role). The modules' tests pass there. Its upstream support ended in May 2026.
"""

from __future__ import annotations

from dataclasses import dataclass

OLDEST = "2.19"
# The tests of what runs on compute hosts, not on the control node.
HOST = (
    "doctor/test_amqp.py", "doctor/test_host_info.py", "doctor/test_nova_conf.py", "doctor/test_options.py", "doctor/test_reach.py",
    "doctor/test_targets.py", "test_errors.py", "test_module.py", "test_threads.py",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One environment.

    :ivar python: the version of Python.
    :ivar core: the version of ansible-core; for a Python that only targets have, the one whose ``ansible.module_utils`` would be sent there.
    :ivar only_target: True for a Python on which ansible-core itself does not run: the tests of the plugins run, those of the roles' variables can't.
    :ivar tests: paths below tests/unit.
    """

    python: str
    core: str
    only_target: bool = False
    tests: tuple = (".",)

    @property
    def name(self):
        """Its name in output and file names."""
        return f"core-{self.core}-py{self.python}"

    @property
    def lock(self):
        """Its lock, below requirements/."""
        return f"matrix/py{self.python}.lock" if self.only_target else f"matrix/{self.core}.lock"


# Python 3.14 is missing here until a test machine has it.
MATRIX = (
    Row("3.12", "2.20"),
    Row("3.13", "2.21"),
    # A host to which a play delegates modules may have this Python, Ubuntu 22.04's.
    Row("3.10", OLDEST, only_target=True, tests=("plugins",)),
    # Compute hosts: the Python of Enterprise Linux 9, with its standard library alone.
    Row("3.9", "2.21", only_target=True, tests=tuple(f"plugins/module_utils/{name}" for name in HOST)),
)
# What looks at text alone says the same under each ansible-core; it runs in the stage `sanity`.
SAME_SANITY = ("changelog", "line-endings", "no-illegal-filenames", "no-smart-quotes", "pep8", "pylint", "shellcheck", "symlinks", "yamllint")
# Where the lines are counted that the unit tests run.
MEASURED = Row("3.13", "2.21")
