"""The vCenter simulator: how it is started and told what to do, and which of its requests change nothing."""

import http.client
import json
import re
import select
import socket
import subprocess

from . import base

# SOAP calls that change nothing in vSphere; docs/simulator.md, "Request log". The integration tests get it as `vcenter_reads`.
READS = (
    "^(Retrieve|ContinueRetrieve|Cancel(Retrieve|WaitForUpdates)|Fetch|Find|Query|Search|Check|Has(User)?Privilege|WaitForUpdates|"
    "ConvertNamespacePathToUuidPath|AcquireGenericServiceTicket|CurrentTime|Login|Logout|SessionIsActive|"
    "(Create|Destroy)(ContainerView|ListView|View|PropertyCollector|PropertyFilter|Filter)$)"
)


def is_read(method):
    """Says whether a SOAP call of that name changes nothing in vSphere."""
    return re.match(READS, method) is not None


def changes(request):
    """Says whether an entry of the request log, a dict, is a request that changes something in vSphere."""
    if "http" not in request:  # how a task ended, which has a request of its own
        return False
    if request.get("method"):
        return not is_read(request["method"])
    return request["http"] in ("PUT", "DELETE") or request["http"] == "POST" and request["path"].startswith("/nfc/")


def command(scenario, port, datastores, log, *options, certificate=("vcenter.pem", "vcenter.key")):
    """Returns the command of a simulator that listens on 127.0.0.1 and on the addresses of its hosts.

    scenario: file with its vCenter. datastores: folder for their files, emptied at its start. log: file for its requests.
    options: more of them, for example -control and a socket. certificate: names of files in .lab/tls, with the key.
    """
    pem, key = (base.TLS / name for name in certificate)
    words = [
        base.BIN / "vcsim", "-scenario", scenario, "-listen", f"127.0.0.1:{port}", "-cert", pem, "-key", key, "-wsdl", base.LAB / "wsdl",
        "-datastores", datastores, "-request-log", log, *options,
    ]  # fmt: skip
    return [str(word) for word in words]


def start(words, errors=subprocess.DEVNULL, seconds=60):
    """Starts a simulator. Returns its process once it answers; whoever has it ends it.

    words: as command() returns them. errors: where its messages go. seconds: how long it may take.
    Raises LabError when it does not answer; it has ended then.
    """
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True)
    # Its only line on standard output comes when it listens on every address.
    answered, _writers, _others = select.select([process.stdout], [], [], seconds)
    if answered and process.stdout.readline().startswith("vcsim ready"):
        return process
    end(process)
    raise base.LabError("the simulator does not answer")


def end(process):
    """Ends a simulator of start() and waits for it."""
    with process:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def ask(control, method, path, body=None):
    """Sends a request to the socket `control` of a simulator. Returns its answer, read as JSON, or None for an empty one; asserts that it is no refusal."""
    connection = http.client.HTTPConnection("vcsim")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(control))
    connection.request(method, path, json.dumps(body) if body is not None else None)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    assert answer.status < 300, text
    return json.loads(text) if text.strip() else None


def requests(log, since=0):
    """Returns the entries of a request log as dicts, from that byte on. A line that is being written is left out."""
    with open(log, encoding="utf-8") as lines:
        lines.seek(since)
        return [json.loads(line) for line in lines if line.endswith("\n")]
