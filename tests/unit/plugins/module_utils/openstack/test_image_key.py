# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a key for one image is made of, what is left of it, and each reason why there is none. tests/acceptance/test_pull.py has a real Keystone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from keystoneauth1.exceptions import Forbidden

from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import image_key

ID = "6e5bd9f5-3b2b-4f5e-9a0e-2f6a0d9f2c11"
PATH = f"/v2/images/{ID}/file"


class Identity:
    """Application credentials and access rules. ``there`` are names of credentials with the time when they expire."""

    def __init__(self, there=(), refuses=None):
        self.rules = {"r0": "/other"}
        self.credentials = [SimpleNamespace(id=name, name=name, expires_at=expires, access_rules=[]) for name, expires in there]
        self.made = []
        self._refuses = refuses

    def create_application_credential(self, **attributes):
        if self._refuses:
            raise self._refuses
        self.rules["r1"] = attributes["access_rules"][0]["path"]
        made = SimpleNamespace(id="c1", secret="s", name=attributes["name"], access_rules=[{"id": "r1"}], expires_at=attributes["expires_at"])
        self.made.append(attributes)
        self.credentials.append(made)
        return made

    def application_credentials(self, _user):
        return iter(self.credentials)

    def delete_application_credential(self, _user, credential):
        self.credentials.remove(credential)

    def delete_access_rule(self, _user, rule):
        del self.rules[rule]


class Answer(SimpleNamespace):
    """A response."""

    def __enter__(self):
        return self

    def __exit__(self, *_exc):
        return None


@pytest.fixture(autouse=True)
def answer(monkeypatch):
    """How Glance answers to the key, and what it was asked."""
    told = SimpleNamespace(status=416, redirect=False, requests=[])

    class Session:
        """As keystoneauth's."""

        def __init__(self, **_options):
            pass

        def get(self, url, headers, redirect, **_more):
            told.requests.append((url, headers, redirect))
            return Answer(status_code=told.status, is_redirect=told.redirect)

    monkeypatch.setattr(image_key, "Session", Session)
    monkeypatch.setattr(image_key, "ApplicationCredential", lambda _url, **_named: SimpleNamespace(get_token=lambda _session: "token"))
    return told


def cloud(identity, **auth):
    access = SimpleNamespace(role_ids=["role-1"])
    session = SimpleNamespace(
        auth=SimpleNamespace(**({"auth_url": "http://keystone/v3", "get_access": lambda _session: access} | auth)), verify=True, cert=None
    )
    return SimpleNamespace(identity=identity, image=SimpleNamespace(get_endpoint=lambda: "http://glance/v2/"), current_user_id="user", session=session)


def key(identity, has_ended=lambda _run: False, **auth):
    return image_key.image_key(cloud(identity, **auth), ID, 700, 600, "node-1-2", has_ended)


def test_a_key_opens_one_door_and_is_gone_afterwards(answer):
    identity = Identity()
    with key(identity) as made:
        assert (made.url, made.token) == (f"http://glance{PATH}", "token") and "token" not in repr(made)
        assert len(identity.credentials) == 1
    (attributes,) = identity.made
    assert attributes["access_rules"] == [{"service": "image", "method": "GET", "path": PATH}] and attributes["unrestricted"] is False
    assert attributes["roles"] == [{"id": "role-1"}]
    assert attributes["name"].startswith(f"{image_key.PREFIX} node-1-2 {ID} ") and attributes["expires_at"]
    assert identity.credentials == [] and identity.rules == {"r0": "/other"}
    assert answer.requests == [(f"http://glance{PATH}", {"X-Auth-Token": "token", "Range": "bytes=700-"}, False)]  # no byte of the image


def test_what_the_block_raises_leaves_nothing():
    identity = Identity()
    with pytest.raises(KeyError), key(identity):
        raise KeyError
    assert identity.credentials == []


@pytest.mark.parametrize("status, redirect, said", [(401, False, "answers 401"), (404, False, "answers 404"), (302, True, "redirects")])
def test_a_glance_that_does_not_take_it(answer, status, redirect, said):
    answer.status, answer.redirect = status, redirect
    identity = Identity()
    with pytest.raises(image_key.ImageKeyError, match=said) as caught, key(identity):
        pass
    assert caught.value.code == "IMAGE_KEY_REFUSED" and "service_type" in caught.value.hint and identity.credentials == []


def test_an_account_that_may_make_none():
    """One that logged in with an application credential itself."""
    with pytest.raises(image_key.ImageKeyError, match=f"the image {ID}"), key(Identity(refuses=Forbidden("no"))):
        pass
    with pytest.raises(image_key.ImageKeyError, match="did not log in to Keystone"), key(Identity(), auth_url=None):
        pass


def test_what_killed_runs_have_left_goes():
    names = {
        f"{image_key.PREFIX} node-9-9 {ID} 1": "2999-01-01T00:00:00.0", f"{image_key.PREFIX} node-8-8 {ID} 1": "2999-01-01T00:00:00.0",
        f"{image_key.PREFIX} other-7-7 {ID} 1": "2001-01-01T00:00:00.0", "of somebody else": "2001-01-01T00:00:00.0",
    }  # fmt: skip
    identity = Identity(names.items())
    with key(identity, lambda run: run == "node-9-9"):
        pass
    assert [one.name.split()[1] for one in identity.credentials] == ["node-8-8", "somebody"]
