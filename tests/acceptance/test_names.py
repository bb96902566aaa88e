# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which image a name means, on a real Glance on MariaDB, which ignores case, accents and blanks at the end."""

from __future__ import annotations

import pytest
from simulated import upload

from ansible_collections.openstack_vmware.nova.plugins.module_utils.glance import images

NAME = "näme-of-a-test"


@pytest.fixture(scope="module")
def named(cloud):
    """Gives the id of an image with the name, and of one whose name is another spelling of it."""
    made = [upload(cloud, name, b"1" * 1024, hw_disk_type="thin") for name in (NAME, NAME.upper())]
    yield made
    for image_id in made:
        cloud.image.delete_image(image_id)


def test_the_same_text(cloud, named):
    assert [images.find(cloud.image, name)["id"] for name in (NAME, NAME.upper())] == named


@pytest.mark.parametrize("other", [NAME.title(), "name-of-a-test", NAME + " ", f"in:{NAME}", f"eq:{NAME}", f"{NAME},{NAME.upper()}"])
def test_another_spelling_is_another_image(cloud, named, other):
    with pytest.raises(images.GlanceError) as caught:
        images.find(cloud.image, other)
    assert caught.value.code == "IMAGE_NOT_FOUND" and "upper and lower case" in caught.value.hint


def test_a_hidden_image(cloud):
    image_id = upload(cloud, "hidden-by-a-test", b"1" * 1024, hw_disk_type="thin")
    try:
        cloud.image.update_image(image_id, is_hidden=True)
        with pytest.raises(images.GlanceError) as caught:
            images.find(cloud.image, "hidden-by-a-test")
        assert "hidden" in caught.value.hint and image_id in caught.value.hint
        assert images.find(cloud.image, image_id)["id"] == image_id
    finally:
        cloud.image.delete_image(image_id)
