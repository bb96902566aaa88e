# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""openstack/connection.py beside a clouds.yaml that has something else to say."""

from __future__ import annotations

import pytest
import requests

from ansible_collections.openstack_vmware.nova.plugins.module_utils.openstack import connection

AUTH = {
    "auth_url": "http://127.0.0.1:1", "username": "nova", "password": "secret", "project_name": "service", "user_domain_name": "Default",
    "project_domain_name": "Default",
}  # fmt: skip
CLOUDS = """
clouds:
  other:
    auth: {auth_url: http://127.0.0.2:1, username: o, password: p, project_name: x, user_domain_name: Default, project_domain_name: Default}
    regions: [R1, R2]
    cert: /nowhere/cert.pem
"""


@pytest.fixture
def clouds(tmp_path, monkeypatch):
    """Gives a function that writes clouds.yaml."""
    path = tmp_path / "clouds.yaml"
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    monkeypatch.setenv("OS_CLIENT_SECURE_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("OS_USERNAME", "of the environment")
    monkeypatch.chdir(tmp_path)
    return path.write_text


@pytest.mark.parametrize("region", [None, "RegionOne"])
def test_auth_takes_nothing_from_elsewhere(clouds, region):
    clouds(CLOUDS)
    config = connection.connect({"auth": AUTH, "region_name": region, "cloud": None}).config
    assert config.config["auth"] == AUTH and config.config.get("cert") is None
    assert config.region_name == (region or "")


def test_a_clouds_file(clouds, tmp_path, monkeypatch):
    """It comes before the one of the working directory, with the secrets beside it; the environment comes before both."""
    clouds(CLOUDS)
    other = tmp_path / "site"
    other.mkdir()
    (other / "clouds.yaml").write_text("clouds: {other: {auth: {auth_url: http://127.0.0.3:1, username: o, project_name: x}}}")
    (other / "secure.yaml").write_text("clouds: {other: {auth: {password: from-secure}}}")
    asked = {"cloud": "other", "clouds_file": str(other / "clouds.yaml")}
    assert connection.connect(asked).config.config["auth"]["auth_url"] == "http://127.0.0.2:1"
    monkeypatch.delenv("OS_CLIENT_CONFIG_FILE")
    monkeypatch.delenv("OS_CLIENT_SECURE_FILE")
    auth = connection.connect(asked).config.config["auth"]
    assert (auth["auth_url"], auth["password"]) == ("http://127.0.0.3:1", "from-secure")


def test_a_cloud_with_another_user(clouds):
    clouds(CLOUDS)
    config = connection.connect({"cloud": "other", "auth": {"username": "z"}}).config
    assert config.config["auth"]["username"] == "z" and config.config["auth"]["auth_url"] == "http://127.0.0.2:1"


@pytest.mark.parametrize(
    "text, options",
    [
        (CLOUDS, {"cloud": "none"}),
        (CLOUDS, {"cloud": "other", "auth": {"token": "x"}}),
        (CLOUDS, {"auth": AUTH, "auth_type": "token"}),
        (CLOUDS, {"auth": AUTH, "auth_type": "nosuch"}),
        ("clouds: [a, b]", {"cloud": "a"}),
        ("clouds: {a: {auth: 3}", {"cloud": "a"}),
    ],
)
def test_what_does_not_fit_together_ends_with_a_code(clouds, text, options):
    clouds(text)
    with pytest.raises(connection.OpenStackError) as caught:
        connection.connect(options)
    assert caught.value.code == "OPENSTACK_CONFIG" and caught.value.hint
    assert "secret" not in str(caught.value)


def test_an_answer_that_is_no_json():
    with pytest.raises(connection.OpenStackError) as caught, connection.translate("list the services"):
        raise requests.exceptions.JSONDecodeError("Expecting value", "<html>", 0)
    assert caught.value.code == "OPENSTACK_ANSWER_UNREADABLE" and "list the services" in caught.value.what
