# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bulk reads by the PropertyCollector: leaves only, page by page.

vSphere Web Services API, ``PropertyCollector.RetrievePropertiesEx``.
"""

from __future__ import annotations

from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere import pyvmomi

PAGE = 1000  # objects an answer


def object_spec(obj, select=(), skip=False):
    """Names an object to start from, and the traversals (:func:`traversal`) to follow; ``skip`` leaves it out itself."""
    return pyvmomi.vmodl.query.PropertyCollector.ObjectSpec(obj=obj, skip=skip, selectSet=list(select))


def traversal(kind, path, select=(), name=None):
    """Follows the property ``path`` of objects of ``kind``, then ``select``: traversals, or names of traversals."""
    return pyvmomi.vmodl.query.PropertyCollector.TraversalSpec(
        type=kind, path=path, skip=False, name=name,
        selectSet=[
            pyvmomi.vmodl.query.PropertyCollector.SelectionSpec(name=item) if isinstance(item, str) else item
            for item in select
        ],
    )  # fmt: skip


def collect(collector, objects, paths, missing=None):
    """Reads properties of many objects with one request a page of 1,000 objects.

    :arg objects: object specs (:func:`object_spec`).
    :arg paths: dict of a pyVmomi type to the property paths to read; ask for leaves.
    :arg missing: a list that gets ``(managed object, path)`` of what the server refuses to tell (API: ``ObjectContent.missingSet``).
    :returns: yields ``(managed object, {path: value})``; a path without a value is left out.
    """
    query = pyvmomi.vmodl.query.PropertyCollector
    spec = query.FilterSpec(
        objectSet=objects,
        propSet=[query.PropertySpec(type=kind, all=False, pathSet=list(names)) for kind, names in paths.items()],
        reportMissingObjectsInResults=True,
    )
    answer = collector.RetrievePropertiesEx(specSet=[spec], options=query.RetrieveOptions(maxObjects=PAGE))
    while answer is not None:
        for item in answer.objects:
            if missing is not None:
                missing += [(item.obj, refused.path) for refused in item.missingSet or ()]
            yield item.obj, {prop.name: prop.val for prop in item.propSet}
        if not answer.token:
            return
        answer = collector.ContinueRetrievePropertiesEx(token=answer.token)
