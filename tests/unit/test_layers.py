# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of docs/architecture.md on who may import whom, read from the source."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"
UTILS = PLUGINS / "module_utils"
TESTS = Path(__file__).resolve().parent / "plugins" / "module_utils"
PACKAGE = "ansible_collections.openstack_vmware.nova.plugins"

# What each room or file of module_utils may import from the others. Arrows point downwards only.
ALLOWED = {
    "errors": set(),
    "text": set(),
    "progress": set(),
    "threads": set(),
    "periodic": {"threads"},
    "deps": {"errors"},
    "argument_spec": set(),
    "module": {"errors", "threads"},
    "nova": set(),
    "deployment": {"errors", "text"},
    "report": {"errors"},
    "glance": {"errors"},
    "vsphere": {"errors", "periodic"},
    "openstack": {"errors", "deps"},
    "drivers": {"errors", "deps", "text", "vsphere", "glance", "nova"},
    "pump": {"errors", "threads"},
    "disks": {"errors"},
    "cache": {"errors", "deps", "progress", "periodic", "pump", "vsphere", "glance", "nova", "openstack", "drivers", "disks"},
    "seeding": {"errors", "deps", "threads", "progress", "pump", "vsphere", "glance", "nova", "openstack", "drivers", "disks", "cache"},
    "probe": {"errors", "deps", "threads", "progress", "vsphere", "nova", "drivers", "disks", "cache"},
    "conversion": {"errors", "deps", "glance", "nova", "openstack", "disks"},
    "vcenter_admin": {"errors", "deps", "vsphere", "nova", "drivers"},
    "doctor": {"errors", "deps", "threads", "vsphere", "glance", "nova", "openstack", "drivers", "cache"},
}
# Third-party packages a room may import, besides the standard library.
LIBRARIES = {
    "argument_spec": {"ansible"},
    "deployment": {"ansible"},
    "deps": {"ansible"},
    "module": {"ansible"},
    "vsphere": {"pyVim", "pyVmomi", "requests"},
    "glance": {"openstack", "keystoneauth1"},
    "openstack": {"openstack", "keystoneauth1"},
}
# These are pure: the same input gives the same output, with no file, socket, process or clock.
PURE = {"nova", "deployment", "report"}
IMPURE = {"asyncio", "http", "io", "os", "pathlib", "random", "shutil", "socket", "ssl", "subprocess", "threading", "time", "urllib"}
# What of drivers/ names no driver. All else there is a driver, which the registry alone knows.
NAME_NO_DRIVER = {"base", "registry", "clusters", "hypervisor_info"}
MODULE_MAY_USE = {"doctor", "vcenter_admin", "module", "argument_spec", "drivers", "cache", "seeding", "conversion", "openstack", "probe"}


def parse(path):
    """Gives the syntax tree of a source file."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(tree):
    """Gives the dotted name of everything that a tree imports, wherever the import stands: ``package.module``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide the room that they come from"
            # `from room import file` names a file of the room.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room_of(dotted):
    """Gives the room of module_utils that a dotted name is in, or None if it is not the collection's."""
    prefix = f"{PACKAGE}.module_utils."
    assert dotted.startswith(prefix) or not dotted.startswith("ansible_collections."), f"{dotted} is not in module_utils"
    return dotted[len(prefix) :].split(".")[0] if dotted.startswith(prefix) else None


def utils():
    """Gives (room, file) of each source file in module_utils."""
    for path in sorted(UTILS.rglob("*.py")):
        relative = path.relative_to(UTILS)
        if relative.name != "__init__.py":
            yield relative.parts[0].removesuffix(".py"), path


def named(path):
    """Gives a test's name: the file's path below plugins/."""
    return str(path.relative_to(PLUGINS))


@pytest.mark.parametrize("room, path", [pytest.param(room, path, id=named(path)) for room, path in utils()])
def test_utils_import_downwards(room, path):
    """A room uses only the rooms below it and its own libraries."""
    assert room in ALLOWED, f"docs/architecture.md has no room {room}"
    for dotted in imports(parse(path)):
        other = room_of(dotted)
        if other is not None:
            assert other in ALLOWED[room] | {room}, f"{room} may not import {dotted}"
            continue
        library = dotted.split(".")[0]
        assert library in LIBRARIES.get(room, set()) or library in sys.stdlib_module_names, f"{room} may not import {dotted}"
        if room in PURE:
            assert library not in IMPURE, f"{room}/ is pure and may not import {dotted}"


@pytest.mark.parametrize("path", [pytest.param(path, id=named(path)) for path in sorted(PLUGINS.rglob("*.py"))])
def test_only_the_registry_names_a_driver(path):
    """A second driver is its own file and a line in the registry."""
    drivers = f"{PACKAGE}.module_utils.drivers."
    found = {dotted[len(drivers) :].split(".")[0] for dotted in imports(parse(path)) if dotted.startswith(drivers)}
    assert found <= NAME_NO_DRIVER or path == UTILS / "drivers" / "registry.py", found - NAME_NO_DRIVER


def drawing():
    """Returns the rooms and the arrows between them as a Mermaid diagram, read from the source.

    An arrow that follows from two others is left out, and so are the files that belong to no room.
    """
    arrows = {}
    for room, path in utils():
        if path.parent != UTILS:
            arrows.setdefault(room, set()).update(room_of(dotted) for dotted in imports(parse(path)))
    below = {room: {other for other in found if other in arrows and other != room} for room, found in arrows.items()}

    def reached(room):
        return below[room].union(*map(reached, below[room]))

    text = ["flowchart TD"]
    for room, found in sorted(below.items()):
        drawn = sorted(found.difference(*map(reached, found)))
        text += [f"  {room} --> {other}" for other in drawn] or ([] if any(room in others for others in below.values()) else [f"  {room}"])
    return "\n".join(text) + "\n"


def test_the_drawing_is_true():
    """`python tests/unit/test_layers.py` draws it anew."""
    shown = (PLUGINS.parent / "docs" / "architecture.md").read_text(encoding="utf-8").split("```mermaid\n")[1].split("```")[0]
    assert shown == drawing(), f"docs/architecture.md has an older one. This is it now:\n{drawing()}"


def places_of_tests(path):
    """Returns where the tests of a file of module_utils may be: ``test_<file>.py`` in its room's folder below tests/unit, or, where another room has such
    a file, ``test_<room>_<file>.py``, for pytest wants names that differ. A folder inside a room may have one file for all: ``test_<folder>.py``.
    """
    room, *folders, name = path.relative_to(UTILS).parts if path.parent != UTILS else ("", path.name)
    names = [name, f"{room}_{name}", *(f"{folder}.py" for folder in folders)]
    return [TESTS / room / f"test_{one}" for one in names]


def has_functions(path):
    """Tells whether a file has a function, without which there is nothing to test."""
    return any(isinstance(node, ast.FunctionDef) for node in ast.walk(parse(path)))


@pytest.mark.parametrize("path", [pytest.param(path, id=named(path)) for _room, path in utils() if has_functions(path)])
def test_utils_have_tests(path):
    """Tests are where a reader looks for them."""
    assert any(place.is_file() for place in places_of_tests(path)), f"no {places_of_tests(path)[0].relative_to(TESTS)}"


def test_init_files_are_empty():
    """An __init__.py with code would be run by each import of its room."""
    filled = [named(path) for path in PLUGINS.rglob("__init__.py") if path.read_bytes().strip()]
    assert not filled


MODULES = [pytest.param(path, id=path.stem) for path in sorted((PLUGINS / "modules").glob("*.py")) if path.stem != "__init__"]


def test_there_are_modules():
    """With no module found the tests below would say nothing."""
    assert MODULES


def is_main_guard(node):
    """Tells whether a statement is ``if __name__ == "__main__": main()``."""
    return isinstance(node, ast.If) and ast.unparse(node) == "if __name__ == '__main__':\n    main()"


@pytest.mark.parametrize("path", MODULES)
def test_module_is_a_page_and_a_call(path):
    """A module has its documentation, an argument spec and main(); what it does is in module_utils."""
    documents, functions = set(), set()
    for node in parse(path).body:
        if isinstance(node, ast.Assign):
            (target,) = node.targets
            assert isinstance(target, ast.Name), ast.unparse(node)
            if target.id in ("DOCUMENTATION", "EXAMPLES", "RETURN"):
                assert isinstance(node.value, ast.Constant), f"{target.id} is not plain text"
                documents.add(target.id)
            else:
                assert target.id == "ARGUMENT_SPEC", f"{target.id} belongs into module_utils"
        elif isinstance(node, ast.FunctionDef):
            assert node.name in ("argument_spec", "main"), f"{node.name}() belongs into module_utils"
            functions.add(node.name)
        else:
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            assert docstring or isinstance(node, (ast.Import, ast.ImportFrom)) or is_main_guard(node), ast.unparse(node)
    assert documents == {"DOCUMENTATION", "EXAMPLES", "RETURN"}
    assert "main" in functions


@pytest.mark.parametrize("path", MODULES)
def test_module_uses_one_room(path):
    """A module makes one call into one room, and touches no library by itself."""
    rooms = set()
    for dotted in imports(parse(path)):
        room = room_of(dotted)
        if room is None:
            assert dotted.startswith("__future__."), f"a module may not import {dotted}"
        else:
            assert room in MODULE_MAY_USE, f"a module may not import {dotted}"
            rooms.add(room)
    assert len(rooms - {"module", "argument_spec"}) == 1, rooms


FILTERS = [pytest.param(path, id=path.stem) for path in sorted((PLUGINS / "filter").glob("*.py"))]


def test_there_are_filters():
    """With no filter found the test below would say nothing."""
    assert FILTERS


@pytest.mark.parametrize("path", FILTERS)
def test_filter_is_a_page_and_a_name(path):
    """A file of filters names functions of deployment/ or of report/, and each filter has its page: in the file that has its name, or beside it."""
    tree = parse(path)
    assert {room_of(dotted) for dotted in imports(tree) if not dotted.startswith("__future__.")} in ({"deployment"}, {"report"})
    assert [node for node in tree.body if isinstance(node, ast.FunctionDef)] == []
    module = importlib.import_module(f"{PACKAGE}.filter.{path.stem}")
    for name in module.FilterModule().filters():
        assert path.with_name(f"{name}.yml").is_file() or (name == path.stem and module.DOCUMENTATION and module.EXAMPLES and module.RETURN)


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in sorted((PLUGINS / "doc_fragments").glob("*.py"))])
def test_fragments_import_nothing(path):
    """A fragment is text."""
    assert [dotted for dotted in imports(parse(path)) if not dotted.startswith("__future__.")] == []


def test_files_of_tests_have_names_of_their_own():
    """Two of one name are one module to a plain pytest, which then refuses the second."""
    names = [path.name for path in TESTS.parents[1].rglob("test_*.py")]
    assert [name for name in sorted(set(names)) if names.count(name) > 1] == []


if __name__ == "__main__":
    print(drawing(), end="")
