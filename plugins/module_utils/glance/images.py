# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds images in Glance and reads their bytes.

Image Service API v2: ``GET /v2/images``, ``GET /v2/images/{id}/file`` with ``Range``. Plain requests on the service's adapter:
openstacksdk's image resource renames the very properties that matter here.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from urllib.parse import urljoin, urlsplit

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

try:
    from keystoneauth1.exceptions import ClientException
except ImportError:  # without openstacksdk there is no adapter to call either
    ClientException = OSError

_FINAL = (400, 401, 403, 404, 410, 416)  # HTTP status; the answer will not change. keystoneauth has got a new token before a 401 comes here.

CHUNK = 1 << 20  # bytes
BLOCK = 64 << 10  # bytes
KEPT = 32  # blocks
PATIENCE = 120  # seconds for which a read is tried again without a further byte: a Glance that restarts is back by then
STALL = 120  # seconds without a byte; then the connection is given up
REDIRECTS = 5  # that one request follows


class GlanceError(NovaVmwareError):
    """Glance does not have, or does not give, what was asked for."""


def find(glance, name_or_id):
    """Returns the image document of Glance for an id or a name that is unique.

    Only an image whose name is the same text is found: MySQL ignores case, accents and blanks at the end when Glance compares names, and Glance
    itself reads operators in them (glance/common/utils.py, ``split_filter_op``).

    :arg glance: the image adapter of an openstacksdk connection (``connection.image``).
    :raises GlanceError: ``IMAGE_NOT_FOUND`` or ``IMAGE_AMBIGUOUS``.
    """
    if is_id(name_or_id):
        response = _get(glance, f"/images/{name_or_id}")
        if response.status_code == 200:
            return _document(f"read the image {name_or_id}", response, "id")
        if response.status_code != 404:
            raise _refused(f"read the image {name_or_id}", response)
    found = named(glance, name_or_id)
    if not found:
        raise GlanceError("IMAGE_NOT_FOUND", f'Glance has no image "{name_or_id}" that this account can see.', _why_not_listed(glance, name_or_id))
    if len(found) > 1:
        ids = sorted(image["id"] for image in found)
        raise GlanceError(
            "IMAGE_AMBIGUOUS", f'Glance has {len(found)} images with the name "{name_or_id}": {", ".join(ids)}.', "Give the id.",
            {"ids": ids},
        )  # fmt: skip
    return found[0]


# What Glance leaves out of a list unless it is asked for (Image Service API v2, "List images"), and what follows for the user.
_UNLISTED = (
    ({"os_hidden": "true"}, "is hidden (os_hidden)"),
    ({"visibility": "community"}, "is a community image"),
    ({"visibility": "shared", "member_status": "pending"}, "is shared with this project, which has not accepted it yet"),
)


def named(glance, name, **more):
    """Returns the documents of all images that Glance lists under exactly this name, in Glance's order, whatever the size of its pages.

    :arg more: further query parameters (Image Service API v2, "List images").
    :raises GlanceError: ``GLANCE_REFUSED`` or ``GLANCE_ANSWER_UNREADABLE``.
    """
    what = f'look for the image "{name}"'
    found, params = [], {"name": f"eq:{name}", **more}
    while True:
        response = _get(glance, "/images", params=params)
        if response.status_code != 200:
            raise _refused(what, response)
        page = _document(what, response, "images")
        found += [image for image in page["images"] if image.get("name") == name]
        if not page.get("next") or not page["images"]:
            return found
        params = {**params, "marker": page["images"][-1]["id"]}


def _why_not_listed(glance, name):
    """Returns what to do about a name under which Glance lists nothing."""
    for more, why in _UNLISTED:
        try:
            ids = sorted(image["id"] for image in named(glance, name, **more))
        except GlanceError:  # a Glance of an older release may not know the filter
            continue
        if ids:
            return f"The image {', '.join(ids)} has this name, but it {why}, so Glance does not list it: give the id."
    return "Check the name, in which upper and lower case differ, or give the id; check the project."


def exists(glance, image_id):
    """Says whether Glance has an image. One that this account may not see counts as missing: see :func:`refuse_limited_view`.

    :raises GlanceError: ``GLANCE_REFUSED``: neither yes nor no.
    """
    response = _get(glance, f"/images/{image_id}")
    if response.status_code in (200, 404):
        return response.status_code == 200
    raise _refused(f"look for the image {image_id}", response)


def refuse_limited_view(glance, project_id, roles):
    """Makes sure that an image that Glance does not show to this account does not exist.

    To others than an administrator Glance answers 404 for an image of another project as for one that was deleted (glance/db/__init__.py,
    ``ImageRepo.get``), and lists it to none of them. Either of these shows that the account sees all:

    - ``private_image``: Glance lists a private image of another project.
    - ``role``: the account has the role ``admin``, and Glance opens an API whose rule is ``context_is_admin`` (glance/policies/tasks.py), the very
      rule by which the database shows all images (glance/db/sqlalchemy/api.py, ``_select_images_query``).

    :arg project_id: of the token, or None. :arg roles: names of the token's roles.
    :returns: which of them.
    :raises GlanceError: ``GLANCE_VIEW_LIMITED``.
    """
    response = _get(glance, "/images", params={"visibility": "private", "limit": 1000})
    if response.status_code != 200:
        raise _refused("list images", response)
    listed = _document("list images", response, "images")["images"]
    if project_id and any(image.get("owner") not in (None, project_id) for image in listed):
        return "private_image"
    tasks = _get(glance, "/tasks", params={"limit": 1}).status_code
    if tasks == 200 and "admin" in roles:
        return "role"
    raise GlanceError(
        "GLANCE_VIEW_LIMITED",
        "The account may not see all images of Glance: an image of another project would look as if it had been deleted.",
        "Use an account with the role admin.",
        {"roles": sorted(roles), "tasks_api_status": tasks},
    )


def set_min_disk(glance, image_id, gib):
    """Sets the smallest root disk with which Nova boots an image.

    :arg gib: GiB.
    :raises GlanceError: ``GLANCE_REFUSED``, for example since the image is another project's.
    """
    response = glance.patch(
        f"/images/{image_id}",
        data=json.dumps([{"op": "replace", "path": "/min_disk", "value": gib}]),
        headers={"Content-Type": "application/openstack-images-v2.1-json-patch"},
        raise_exc=False,
    )
    if response.status_code != 200:
        raise _refused(f"set min_disk of the image {image_id}", response)


def set_property(glance, image_id, name, value):
    """Sets a property of an image.

    :raises GlanceError: ``GLANCE_REFUSED``, for example since the image is another project's.
    """
    response = glance.patch(
        f"/images/{image_id}",
        data=json.dumps([{"op": "add", "path": f"/{name}", "value": value}]),  # add replaces what is there (RFC 6902, 4.1)
        headers={"Content-Type": "application/openstack-images-v2.1-json-patch"},
        raise_exc=False,
    )
    if response.status_code != 200:
        raise _refused(f"set {name} of the image {image_id}", response)


def is_id(text):
    """Says whether a text is the id of an image: a UUID with hyphens, in lower case, as Glance writes them."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def read_range(glance, image_id, offset, length, size=None):
    """Reads ``length`` bytes at ``offset``; fewer at the end of the image.

    :arg size: bytes of the whole image, as Glance says; None where it is not known.
    :raises GlanceError: as :func:`read`; ``IMAGE_NO_RANGES``: Glance gives whole images only.
    """
    patience = _Patience(image_id, f"byte {offset}")
    while True:
        try:
            with _open(glance, image_id, size, offset, offset + length - 1) as response:
                if response.status_code == 200 and offset:
                    raise GlanceError("IMAGE_NO_RANGES", f"Failed to read the image {image_id} at byte {offset}: Glance ignores ranges.")
                data = b""
                for chunk in response.iter_content(CHUNK):
                    data += chunk
                    if len(data) >= length:
                        break
                return data[:length]
        except (GlanceError, OSError, ClientException) as error:
            patience.judge(error)


class Blocks:
    """The bytes of one image. What was looked at before they stream is kept, up to 2 MiB, so that no byte is read from Glance twice."""

    def __init__(self, glance, image_id, size):
        self._glance = glance
        self._image_id = image_id
        self._size = size
        self._kept = {}  # offset: a block, or the image's last bytes

    def range(self, offset, length):
        """Reads as :func:`read_range`, whole blocks of 64 KiB."""
        first, last = offset // BLOCK * BLOCK, min(-(-(offset + length) // BLOCK) * BLOCK, self._size)
        blocks = range(first, last, BLOCK)
        if blocks and all(at in self._kept for at in blocks):
            data = b"".join(self._kept[at] for at in blocks)
        else:
            data = read_range(self._glance, self._image_id, first, max(last - first, 1), self._size)
            if len(data) == last - first and len(self._kept) + len(blocks) <= KEPT:
                self._kept.update((at, data[at - first : at - first + BLOCK]) for at in blocks)
        return data[offset - first : offset - first + length]

    def stream(self):
        """Returns all bytes as :func:`read`, from the first at each call."""
        return read(self._glance, self._image_id, self._size, self._kept)


def read(glance, image_id, size, known=None):
    """Yields the image's bytes in chunks of at most 1 MiB; a stream that breaks is taken up at the byte where it broke.

    A token that has expired meanwhile is renewed by keystoneauth, which logs in again after a 401.

    :arg size: bytes, as Glance says.
    :arg known: ``{offset: bytes}`` that need not be read.
    :raises GlanceError: ``IMAGE_READ_FAILED``: no further byte came for :data:`PATIENCE` seconds; ``IMAGE_GONE``: it was deleted meanwhile;
        ``IMAGE_SIZE_MISMATCH``: Glance gives another number of bytes than its size says; ``GLANCE_REFUSED``.
    """
    offset = 0
    known = known or {}
    patience = _Patience(image_id, f"byte 0 of {size}")
    while offset < size:
        if offset in known:
            yield known[offset]
            offset += len(known[offset])
            continue
        at, stop = offset, min((start for start in known if start > offset), default=size)
        try:
            with _open(glance, image_id, size, offset, None if stop == size else stop - 1) as response:
                skip = offset if response.status_code == 200 else 0  # a server that ignores ranges begins anew
                for chunk in response.iter_content(CHUNK):
                    fresh = chunk[skip:]
                    skip -= len(chunk) - len(fresh)
                    if fresh:
                        offset += len(fresh)
                        if offset > size:
                            raise _wrong_size(image_id, size, f"more than {size}")
                        yield fresh
            problem = OSError("the stream ended too early")
        except (GlanceError, OSError, ClientException) as error:  # requests' errors are OSErrors
            problem = error
        if offset > at:
            patience = _Patience(image_id, f"byte {offset} of {size}")
        if offset < stop:
            patience.judge(problem)


class _Patience:
    """Decides whether what went wrong is tried again, and waits before."""

    def __init__(self, image_id, where):
        self._image_id = image_id
        self._where = where
        self._tries = 0
        self._since = None

    def judge(self, error):
        """Returns after a pause when it is worth a further try.

        :raises GlanceError: it is not, or not any more.
        """
        status = error.details.get("status") if isinstance(error, GlanceError) else getattr(error, "http_status", None)
        if status in (404, 410):
            raise GlanceError(
                "IMAGE_GONE",
                f"The image {self._image_id} was deleted in Glance, or hidden from this account, before {self._where} was read.",
                "Nothing of it was left. Take it out of the list of images.",
            ) from error
        if isinstance(error, GlanceError) and (status in _FINAL or error.code in ("IMAGE_NO_RANGES", "IMAGE_SIZE_MISMATCH", "GLANCE_REDIRECTS")):
            raise error
        if status in (401, 403):
            raise GlanceError("GLANCE_REFUSED", f"Failed to read the image {self._image_id}: {error}.", "Check the credentials.", {"status": status}) from error
        self._tries += 1
        now = time.monotonic()
        self._since = self._since or now
        if now - self._since > PATIENCE:
            what = error.what if isinstance(error, GlanceError) else str(error) or type(error).__name__
            raise GlanceError(
                "IMAGE_READ_FAILED",
                f"Failed to read the image {self._image_id}: {self._tries} tries in {PATIENCE} seconds gave nothing after {self._where}: {what}.",
                "Check Glance's log.",
            ) from error
        time.sleep(min(2**self._tries / 4, 8))


class Verifier:
    """Hashes what passes through and compares it with what Glance promised.

    :arg algorithm: ``os_hash_algo`` of the image, or None when it has none.
    :arg expected: ``os_hash_value``.
    """

    def __init__(self, image_id, size, algorithm, expected):
        self._image_id = image_id
        self._size = size
        self._expected = expected if algorithm else None
        self._hash = hashlib.new(algorithm) if algorithm else None
        self._seen = 0

    def watch(self, chunks):
        """Passes chunks on, and after the last one compares.

        :raises GlanceError: ``IMAGE_HASH_MISMATCH``: the image's bytes are not the ones that were uploaded to Glance;
            ``IMAGE_SIZE_MISMATCH``: they are more or fewer than Glance's size says.
        """
        for chunk in chunks:
            if self._hash is not None:
                self._hash.update(chunk)
            self._seen += len(chunk)
            # The last chunk is held back until it is known to be right: a receiver that counts bytes never completes a wrong file.
            if self._seen > self._size:
                raise _wrong_size(self._image_id, self._size, f"more than {self._size}")
            if self._seen == self._size:
                self._check()
            yield chunk
        if self._seen < self._size:
            raise _wrong_size(self._image_id, self._size, str(self._seen))

    def _check(self):
        if self._hash is not None and self._hash.hexdigest() != self._expected:
            raise GlanceError(
                "IMAGE_HASH_MISMATCH",
                f"The bytes that Glance gave for the image {self._image_id} have not the {self._hash.name} that it promised.",
                "The image is damaged in Glance's store. Upload it again under a new id.",
                {"os_hash_value": self._expected, "found": self._hash.hexdigest()},
            )


def _open(glance, image_id, size, first, last):
    """Asks for the image's bytes from ``first`` to ``last``, or to the end. Gives the answer, whose body is still to be read."""
    headers = {"Accept": "application/octet-stream"}
    if first or last is not None:
        headers["Range"] = f"bytes={first}-{'' if last is None else last}"
    response = _get(glance, f"/images/{image_id}/file", headers=headers, stream=True, timeout=STALL)
    if response.status_code not in (200, 206):
        response.close()
        raise _refused(f"read the image {image_id}", response)
    begin = response.headers.get("Content-Range", "")
    if response.status_code == 206 and begin and not begin.startswith(f"bytes {first}-"):
        response.close()
        raise GlanceError("GLANCE_REFUSED", f"Failed to read the image {image_id} at byte {first}: Glance gave {begin}.")
    whole = response.headers.get("Content-Length") if response.status_code == 200 else begin.partition("/")[2]
    if size is not None and whole and whole.isdigit() and int(whole) != size and "Content-Encoding" not in response.headers:
        response.close()
        raise _wrong_size(image_id, size, whole)
    return response


def _get(glance, url, **options):
    """Asks Glance, whatever the status of its answer, and follows redirects. To another server the token does not go along.

    keystoneauth sends all headers again wherever a redirect leads (keystoneauth1/session.py, ``_send_request``), so it is told not to follow any.

    :raises GlanceError: ``GLANCE_REDIRECTS``.
    """
    options["raise_exc"] = options["redirect"] = False
    response = glance.get(url, **options)
    for _step in range(REDIRECTS):
        if response.status_code not in (301, 302, 303, 305, 307, 308) or "Location" not in response.headers:
            return response
        here, there = response.url, urljoin(response.url, response.headers["Location"])
        response.close()
        options.pop("params", None)  # they are in the new address
        if _server(here) != _server(there):
            options["authenticated"] = False
        response = glance.get(there, **options)
    response.close()
    raise GlanceError("GLANCE_REDIRECTS", f"Failed to read {url} of Glance: it redirects more than {REDIRECTS} times.", "Check Glance's endpoint.")


def _server(url):
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _document(what, response, key):
    """Returns the JSON object of an answer. ``key`` is what it must have.

    :arg what: a verb phrase with the object, completes "Failed to ...".
    :raises GlanceError: ``GLANCE_ANSWER_UNREADABLE``: something else than Glance has answered.
    """
    try:
        document = response.json()
    except ValueError:
        document = None
    if not isinstance(document, dict) or key not in document:
        kind = response.headers.get("Content-Type", "no content type")
        raise GlanceError(
            "GLANCE_ANSWER_UNREADABLE",
            f"Failed to {what}: the answer is no document of Glance ({response.status_code} {response.reason}, {kind}).",
            "Check the image endpoint in Keystone's catalog, and a proxy or load balancer in front of Glance.",
            {"status": response.status_code},
        )
    return document


def _wrong_size(image_id, size, found):
    return GlanceError(
        "IMAGE_SIZE_MISMATCH",
        f"Glance says that the image {image_id} has {size} bytes, and gives {found}.",
        "Its record in Glance and its data do not fit together. Upload it again under a new id.",
        {"size": size},
    )


def _refused(what, response):
    return GlanceError(
        "GLANCE_REFUSED",
        f"Failed to {what}: Glance answered {response.status_code} {response.reason}.",
        details={"status": response.status_code},
    )
