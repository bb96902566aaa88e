# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One simulated vCenter for clients that others wrote. The stage `clients` (tests/runner/stages.py) starts it and names it in CLIENTS."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))

import disks  # noqa: E402

OVF = """<?xml version="1.0" encoding="UTF-8"?>
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
 xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData"
 xmlns:vssd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData">
 <References><File ovf:href="{disk}" ovf:id="file1" ovf:size="{size}"/></References>
 <DiskSection><Info>disks</Info><Disk ovf:capacity="{capacity}" ovf:diskId="disk1" ovf:fileRef="file1"
  ovf:format="http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized"/></DiskSection>
 <VirtualSystem ovf:id="vm"><Info>a machine</Info><Name>vm</Name>
  <OperatingSystemSection ovf:id="36"><Info>system</Info></OperatingSystemSection>
  <VirtualHardwareSection><Info>hardware</Info>
   <System><vssd:ElementName>family</vssd:ElementName><vssd:InstanceID>0</vssd:InstanceID>
    <vssd:VirtualSystemType>vmx-13</vssd:VirtualSystemType></System>
   <Item><rasd:ElementName>1 CPU</rasd:ElementName><rasd:InstanceID>1</rasd:InstanceID><rasd:ResourceType>3</rasd:ResourceType>
    <rasd:VirtualQuantity>1</rasd:VirtualQuantity></Item>
   <Item><rasd:AllocationUnits>byte * 2^20</rasd:AllocationUnits><rasd:ElementName>64 MiB</rasd:ElementName><rasd:InstanceID>2</rasd:InstanceID>
    <rasd:ResourceType>4</rasd:ResourceType><rasd:VirtualQuantity>64</rasd:VirtualQuantity></Item>
   <Item><rasd:Address>0</rasd:Address><rasd:ElementName>scsi0</rasd:ElementName><rasd:InstanceID>3</rasd:InstanceID>
    <rasd:ResourceSubType>lsilogic</rasd:ResourceSubType><rasd:ResourceType>6</rasd:ResourceType></Item>
   <Item><rasd:AddressOnParent>0</rasd:AddressOnParent><rasd:ElementName>disk0</rasd:ElementName>
    <rasd:HostResource>ovf:/disk/disk1</rasd:HostResource><rasd:InstanceID>4</rasd:InstanceID><rasd:Parent>3</rasd:Parent>
    <rasd:ResourceType>17</rasd:ResourceType></Item>
  </VirtualHardwareSection>
 </VirtualSystem>
</Envelope>
"""


def rows(name):
    """Gives the rows of a list: pairs of an id and a row."""
    groups = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    return [pytest.param(row, id=f"{group}-{number:02} {label(row)}") for group, group_rows in groups.items()
            for number, row in enumerate(group_rows, 1)]  # fmt: skip


def label(row):
    """Gives what a row is shown as."""
    return row["run"].partition(" -")[0] if "run" in row else row["module"].rpartition(".")[2]


class VCenter:
    """The vCenter, a folder of files for its clients, and the judge of what they did."""

    def __init__(self, config, folder):
        self.config = config
        self.files = folder
        self.environment = {
            **os.environ, "GOVC_URL": f"https://{config['vcenter_hostname']}:{config['vcenter_port']}/sdk",
            "GOVC_USERNAME": config["vcenter_username"], "GOVC_PASSWORD": config["vcenter_password"],
            "GOVC_TLS_CA_CERTS": config["vcenter_ca_path"], "GOVC_DATACENTER": "dc1", "GOVMOMI_HOME": str(folder / "home"), "HOME": str(folder),
        }  # fmt: skip

    def words(self, command):
        """Gives the words of a govc command."""
        return [self.config["govc"], *(word.replace("FILES", str(self.files)) for word in shlex.split(command))]

    def govc(self, command):
        """Runs a govc command. Gives its exit status and all that it printed."""
        done = subprocess.run(
            self.words(command), env=self.environment, cwd=self.files, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=60, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    def judge(self, reading):
        """Judges one second reading; see govc.yml."""
        kind, what = next(iter(reading.items()))
        if kind in ("run", "eventually"):
            deadline = time.monotonic() + (30 if kind == "eventually" else 0)
            while True:
                status, text = self.govc(what)
                ok = bool(status) == reading.get("fails", False) and self.matches(reading, text)
                if ok or time.monotonic() >= deadline:
                    break
                time.sleep(0.5)
            assert ok, f"govc {what}: exit {status}\n{text}"
            return
        paths = self.paths(kind, what)
        if reading.get("absent"):
            assert not paths, f"{paths} is there"
            return
        assert len(paths) == 1, f"{what}: {paths}"
        self.judge_file(kind, Path(paths[0]), reading)

    @staticmethod
    def matches(reading, text):
        """True if a text shows and hides what it is to; each line is matched as well."""
        shows, hides = reading.get("shows"), reading.get("hides")
        assert shows or hides, f"{reading} judges nothing"
        return (not shows or re.search(shows, text.strip("\n"), re.MULTILINE)) and (not hides or not re.search(hides, text, re.MULTILINE))

    def paths(self, kind, what):
        """Gives the files on the machine that a reading means: of a datastore, or of the clients' folder."""
        if kind in ("file", "flat"):
            store, path = re.fullmatch(r"\[(.*)] (.*)", what).groups()
            return glob.glob(f"{self.config['vcenter_datastores']}/{store}/{path}")
        return glob.glob(str(self.files / what))

    def judge_file(self, kind, path, reading):
        """Judges a file: its size, its text, or its bytes."""
        data = path.read_bytes() if "bytes" not in reading else b""
        if kind == "manifest":
            self.judge_manifest(path)
        elif kind == "stream":
            assert data[:4] == b"KDMV" and unstreamed(data) == (self.files / reading["like"]).read_bytes()
        elif "bytes" in reading:
            assert path.stat().st_size == reading["bytes"]
        elif "text" in reading:
            assert re.search(reading["text"], data.decode()), data.decode()
        else:
            assert data == (self.files / reading["like"]).read_bytes()

    @staticmethod
    def judge_manifest(path):
        """Judges that a manifest names each file beside it with its hash."""
        named = dict(re.findall(r"^SHA256\((.+)\)= ([0-9a-f]{64})$", path.read_text(encoding="utf-8"), re.MULTILINE))
        beside = {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in path.parent.iterdir() if one != path}
        assert named == beside


def unstreamed(data):
    """Gives the raw bytes of a small streamOptimized disk by its directory and tables, as a reader that can seek does."""
    footer = disks.HEADER.unpack_from(data, len(data) - 2 * disks.SECTOR)
    values = dict(zip(disks.FIELDS, footer))
    raw = bytearray(values["capacity"] * disks.SECTOR)
    table = disks.struct.unpack_from("<I", data, values["directory"] * disks.SECTOR)[0]
    for number, sector in enumerate(disks.struct.unpack_from(f"<{disks.ENTRIES}I", data, table * disks.SECTOR)):
        if sector:
            _address, size = disks.struct.unpack_from("<QI", data, sector * disks.SECTOR)
            grain = disks.zlib.decompress(data[sector * disks.SECTOR + 12 :][:size])
            raw[number * disks.GRAIN : number * disks.GRAIN + len(grain)] = grain
    return bytes(raw[: values["capacity"] * disks.SECTOR])


def make_files(folder):
    """Makes what the clients upload: a plain file, a disk, and an OVF and an OVA of it."""
    (folder / "plain.bin").write_bytes(b"a" * 100_000)
    (folder / "disk.raw").write_bytes(disks.RAW)
    for name, version in (("disk", 3), ("old", 1)):
        stream = disks.streamed(version=version)
        (folder / f"{name}.vmdk").write_bytes(stream)
        (folder / f"{name}.ovf").write_text(OVF.format(disk=f"{name}.vmdk", size=len(stream), capacity=len(disks.RAW)), encoding="utf-8")
    with tarfile.open(folder / "disk.ova", "w", format=tarfile.USTAR_FORMAT) as archive:
        for name in ("disk.ovf", "disk.vmdk"):
            archive.add(folder / name, name)
    (folder / "library").mkdir()


@pytest.fixture(scope="session")
def vcenter(tmp_path_factory):
    """The simulated vCenter with its clients' folder."""
    config = json.loads(Path(os.environ["CLIENTS"]).read_text(encoding="utf-8"))
    folder = tmp_path_factory.mktemp("clients")
    make_files(folder)
    return VCenter(config, folder)
