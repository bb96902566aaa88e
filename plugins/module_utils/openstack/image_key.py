# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a token that reads one image's file and can do nothing else.

Identity API v3: an application credential with access rules. The service that is asked compares each request's method and path with the rules, provided
that its configuration says what it is: ``[keystone_authtoken] service_type = image`` in glance-api.conf. Otherwise keystonemiddleware refuses
every token of such a credential (keystonemiddleware/auth_token/__init__.py, ``_validate_access_rules``).
"""

from __future__ import annotations

import contextlib
import datetime
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError

try:
    from keystoneauth1.exceptions import ClientException
    from keystoneauth1.identity.v3 import ApplicationCredential
    from keystoneauth1.session import Session
    from openstack.exceptions import SDKException
except ImportError:  # who calls this has a connection of openstacksdk
    ClientException = SDKException = OSError
    ApplicationCredential = Session = None

# Keys of one image share an access rule. Keystone finds, makes and deletes it in steps, between which another thread's key must not come or go.
_ONE_AT_A_TIME = threading.Lock()
PREFIX = "openstack_vmware.nova"  # of the credentials' names: by it a run finds what a killed one has left


class ImageKeyError(NovaVmwareError):
    """There is no token that reads the image's file and can do nothing else."""


@dataclass(frozen=True)
class ImageKey:
    """The URL of an image's file, and a token that opens it. The token is a secret."""

    url: str
    token: str = field(repr=False)


@contextlib.contextmanager
def image_key(cloud, image_id, size, seconds, run, has_ended):
    """Makes a key for one image, tries it, and ends it after the block.

    The credential belongs to this account and its project and has its roles, so Glance's policies count as they do for the account. Its token ends with it:
    Keystone knows it no longer, and can't revoke it by itself, since ``DELETE /v3/auth/tokens`` answers 404 for a token with access rules (keystone
    30, ``token/provider.py``, ``revoke_token``). Should this process be killed, both expire. keystonemiddleware keeps what it knows of a token
    (``token_cache_time``, 300 seconds by default), so Glance may take one for so long after its end.

    :arg cloud: an openstacksdk connection.
    :arg size: bytes of the image. :arg seconds: how long the key may be needed.
    :arg run: this run's name, without blanks. :arg has_ended: a function that says of such a name whether that run is known to have ended. What one that was
        killed has left is removed.
    :returns: an :class:`ImageKey`.
    :raises ImageKeyError: ``IMAGE_KEY_REFUSED``: Keystone makes no such credential for this account, or Glance does not take its token.
    """
    url = f"{cloud.image.get_endpoint().rstrip('/')}/images/{image_id}/file"
    keystone, user = getattr(cloud.session.auth, "auth_url", None), cloud.current_user_id
    if not keystone or not user:
        raise _refused(image_id, "this account did not log in to Keystone")
    _remove_leftovers(cloud, user, has_ended)
    with _credential(cloud, user, f"{PREFIX} {run} {image_id} {time.time_ns()}", urlsplit(url).path, seconds) as credential:
        auth = ApplicationCredential(keystone, application_credential_id=credential.id, application_credential_secret=credential.secret)
        try:
            token = auth.get_token(Session(verify=cloud.session.verify, cert=cloud.session.cert))
        except ClientException as error:
            raise _refused(image_id, f"Keystone gives no token for it: {error}") from error
        _try(cloud, image_id, size, url, token)
        yield ImageKey(url, token)


@contextlib.contextmanager
def _credential(cloud, user, name, path, seconds):
    """Makes an application credential with one access rule; removes both after the block."""
    rule = {"service": "image", "method": "GET", "path": path}
    expires = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    try:
        # Named, since Keystone's default, the roles of the token that it has in memory, was now and then those of another request's token.
        roles = [{"id": role} for role in cloud.session.auth.get_access(cloud.session).role_ids]
        with _ONE_AT_A_TIME:
            credential = cloud.identity.create_application_credential(
                user=user, name=name, roles=roles, access_rules=[rule], unrestricted=False,
                description="Lets ESXi hosts fetch one image. Removed after the run.", expires_at=expires.strftime("%Y-%m-%dT%H:%M:%S.%f"),
            )  # fmt: skip
    except (SDKException, ClientException) as error:
        raise _refused(path.split("/")[-2], f"Keystone refuses the credential: {error}") from error
    try:
        yield credential
    finally:
        _remove(cloud, user, credential)


def _remove(cloud, user, credential):
    """Removes a credential, and its access rules as far as no other credential has them: Keystone keeps them otherwise."""
    with _ONE_AT_A_TIME:
        with contextlib.suppress(SDKException, ClientException):
            cloud.identity.delete_application_credential(user, credential)
        for rule in credential.access_rules or ():
            with contextlib.suppress(SDKException, ClientException):  # 403: another key has the same rule
                cloud.identity.delete_access_rule(user, rule["id"])


def _remove_leftovers(cloud, user, has_ended):
    """Removes credentials of runs that were killed: those that have expired, and those whose run has ended."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
    with contextlib.suppress(SDKException, ClientException):
        for credential in list(cloud.identity.application_credentials(user)):
            words = credential.name.split()
            if words[:1] == [PREFIX] and len(words) == 4 and ((credential.expires_at or now) < now or has_ended(words[1])):
                _remove(cloud, user, credential)


def _try(cloud, image_id, size, url, token):
    """Asks for what is behind the image's last byte, as a host would: with the token, and without following a redirect. No byte is sent for it."""
    session = Session(verify=cloud.session.verify, cert=cloud.session.cert)
    try:
        response = session.get(url, headers={"X-Auth-Token": token, "Range": f"bytes={size}-"}, redirect=False, raise_exc=False, stream=True)
    except ClientException as error:
        raise _refused(image_id, f"Glance does not answer at {url}: {error}") from error
    with response:
        if response.status_code in (200, 206, 416):
            return
        if response.is_redirect:
            raise _refused(image_id, f"Glance redirects {url}, which an ESXi host does not follow")
        raise _refused(image_id, f"Glance answers {response.status_code} to its token")


def _refused(image_id, why):
    return ImageKeyError(
        "IMAGE_KEY_REFUSED",
        f"There is no token that can read the image {image_id} and nothing else: {why}.",
        "Log in with a password (an application credential makes no other), and set service_type = image in [keystone_authtoken] of glance-api.conf.",
    )
