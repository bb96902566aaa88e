# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes, changes and deletes images in Glance.

Image Service API v2: ``POST /v2/images``, ``PUT /v2/images/{id}/file``, ``PATCH`` and ``DELETE /v2/images/{id}``. Plain requests on
the service's adapter, as in ``glance/images.py``.
"""

from __future__ import annotations

import contextlib
import hashlib
import time

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

_PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
_TIMEOUT = (60, 3600)  # seconds: to connect or to take bytes, and to answer after the last one
_ACTIVE = 600  # seconds
_CHUNK = 1 << 20  # bytes


class UploadError(NovaVmwareError):
    """Glance did not take what was given to it."""


def create(glance, document, path):
    """Makes an image of a file, waits until it is active and compares its hash with the file's. A failed one is deleted.

    :arg document: the attributes and properties of the image.
    :arg path: the file; it is sent as a stream.
    :returns: the new image's document.
    :raises UploadError: ``GLANCE_REFUSED``, ``IMAGE_NOT_ACTIVE`` or ``IMAGE_HASH_MISMATCH``.
    """
    what = f"make the image {document['name']}"
    image_id = _checked(glance.post("/images", json=document, raise_exc=False), what).json()["id"]
    try:
        with open(path, "rb") as data:
            response = glance.put(
                f"/images/{image_id}/file", data=data, headers={"Content-Type": "application/octet-stream"}, raise_exc=False,
                timeout=_TIMEOUT,
            )  # fmt: skip
        _checked(response, f"write the data of the image {image_id}")
        made = _wait(glance, image_id)
        _compare(made, path)
        return made
    except BaseException:
        # What went wrong is worth more than that it can't be tidied up.
        with contextlib.suppress(Exception):
            glance.delete(f"/images/{image_id}", raise_exc=False)
        raise


def update(glance, image_id, operations):
    """Applies a JSON patch to an image. Gives its new document.

    :raises UploadError: ``GLANCE_REFUSED``.
    """
    response = glance.patch(f"/images/{image_id}", json=operations, headers=_PATCH, raise_exc=False)
    return _checked(response, f"change the image {image_id}").json()


def delete(glance, image_id):
    """Deletes an image; one that is gone is fine.

    :raises UploadError: ``GLANCE_REFUSED``, for example a protected image.
    """
    response = glance.delete(f"/images/{image_id}", raise_exc=False)
    if response.status_code != 404:
        _checked(response, f"delete the image {image_id}")


def _wait(glance, image_id):
    end = time.monotonic() + _ACTIVE
    while True:
        document = _checked(glance.get(f"/images/{image_id}", raise_exc=False), f"read the image {image_id}").json()
        if document["status"] == "active":
            return document
        if document["status"] not in ("queued", "saving", "importing") or time.monotonic() > end:
            raise UploadError("IMAGE_NOT_ACTIVE", f"The new image {image_id} has status {document['status']}, not active.", "Check Glance's log.")
        time.sleep(2)


def _compare(document, path):
    algorithm = document.get("os_hash_algo")
    if not algorithm:
        return
    found = _hash(path, algorithm)
    if found != document["os_hash_value"]:
        raise UploadError(
            "IMAGE_HASH_MISMATCH", f"Glance got other bytes for the image {document['id']} than were sent.", "Try again.",
            {"os_hash_value": document["os_hash_value"], "sent": found},
        )  # fmt: skip


def sha256(path):
    """Returns the SHA-256 of a file, hexadecimal."""
    return _hash(path, "sha256")


def _hash(path, algorithm):
    found = hashlib.new(algorithm)
    with open(path, "rb") as data:
        while chunk := data.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()


def _checked(response, what):
    if response.status_code >= 400:
        raise UploadError(
            "GLANCE_REFUSED",
            f"Failed to {what}: Glance answered {response.status_code} {response.reason}: {response.text[:500]}",
            "Check the account's roles and quota.",
            {"status": response.status_code},
        )
    return response
