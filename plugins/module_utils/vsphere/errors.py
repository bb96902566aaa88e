# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of vSphere, as the collection raises them."""

from __future__ import annotations

import contextlib
import http.client
import re
import ssl

from ansible_collections.openstack_vmware.nova.plugins.module_utils.errors import NovaVmwareError
from ansible_collections.openstack_vmware.nova.plugins.module_utils.vsphere.pyvmomi import vmodl


class VSphereError(NovaVmwareError):
    """A call to a vCenter or an ESXi host failed."""


class VSphereFault(VSphereError):
    """The server answered with a fault. ``fault`` is its name in the vSphere API, for example ``FileAlreadyExists``."""

    def __init__(self, what, fault):
        self.fault = fault_name(fault)
        text, hint, details = fault_text(fault), "", {"fault": self.fault}
        lacking = missing_privileges(fault)
        if lacking:
            details["privileges"] = lacking
            text += "; the account lacks " + ", ".join(f"{privilege} on {obj}" for obj, names in lacking.items() for privilege in names)
            hint = "Grant it, for example with the module vsphere_role; docs/security.md lists what is needed on which object."
        super().__init__(upper_snake(self.fault), f"Failed to {what}: {text}.", hint, details)


def missing_privileges(fault):
    """Returns ``{object: [privileges]}`` that a NoPermission fault names, the object as ``Datastore datastore-12``; other faults name none.

    vSphere Web Services API, ``NoPermission``: ``missingPrivileges`` since 7.0.3.2, ``object`` and ``privilegeId`` before.
    """
    found = {}
    for one in getattr(fault, "missingPrivileges", None) or ():
        found.setdefault(_object_name(one.entity), []).extend(one.privilegeIds)
    if not found and getattr(fault, "privilegeId", None):
        found[_object_name(fault.object)] = [fault.privilegeId]
    return found


def _object_name(obj):
    return f"{type(obj).__name__.rsplit('.', maxsplit=1)[-1]} {obj._GetMoId()}" if hasattr(obj, "_GetMoId") else "an object"


def fault_name(fault):
    """Returns the name of a fault object in the vSphere API: ``vim.fault.FileNotFound`` is ``FileNotFound``."""
    return type(fault).__name__.rsplit(".", maxsplit=1)[-1]


def upper_snake(name):
    """Returns ``FILE_NOT_FOUND`` for ``FileNotFound``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).upper()


def fault_text(fault):
    """Returns what the server said in a fault, with the fault's name where the text does not tell it."""
    name = fault_name(fault)
    texts = [getattr(fault, "msg", None) or ""]
    texts += [message.message for message in getattr(fault, "faultMessage", None) or [] if message.message]
    text = "; ".join(text.strip().rstrip(".") for text in texts if text.strip())
    return f"{text} ({name})" if text and name not in text else text or name


def trust_hint(code):
    """Returns what to do about a certificate that OpenSSL does not take. :arg code: OpenSSL's, ``X509_V_ERR_*`` of x509_vfy.h."""
    if code in (62, 64):  # HOSTNAME_MISMATCH, IP_ADDRESS_MISMATCH
        return "It is for another name: give the name that is in the certificate as hostname, or let the server have one for this name. No CA helps here."
    if code == 10:  # CERT_HAS_EXPIRED
        return "It has ended: renew it on the server, and compare the clock of this machine."
    if code == 9:  # CERT_NOT_YET_VALID
        return "It is not valid yet: compare the clocks of this machine and the server."
    return "Give the certificate of the CA that signed it in ca_path; a vCenter has its own at https://<vCenter>/certs/download.zip."


@contextlib.contextmanager
def translate(what, server):
    """Turns whatever a call to a server raises into a :class:`VSphereError`.

    :arg what: a verb phrase with the object, completes "Failed to ...".
    :arg server: ``host:port``, for errors of the connection.
    """
    try:
        yield
    except NovaVmwareError:
        raise
    except vmodl.MethodFault as fault:
        raise VSphereFault(what, fault) from fault
    except ssl.SSLCertVerificationError as error:
        raise VSphereError(
            "CERTIFICATE_NOT_TRUSTED",
            f"Failed to {what}: the certificate of {server} is not trusted: {error.verify_message}.",
            trust_hint(error.verify_code),
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise VSphereError(
            "CONNECTION_FAILED",
            f"Failed to {what}: {server}: {error or type(error).__name__}.",
            "Check the name, the port and the network between here and there.",
        ) from error
