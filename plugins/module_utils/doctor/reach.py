# Copyright: the openstack_vmware.nova authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tries what nova-compute needs besides its vCenter, from the machine that this runs on: logs in to the message broker and to Keystone, and asks three APIs.

Standard library only, since it runs before Nova is installed, too. It goes there directly: no proxy of the environment is used.
"""

from __future__ import annotations

import concurrent.futures
import datetime
import email.utils
import http.client
import json
import re
import socket
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from ansible_collections.openstack_vmware.nova.plugins.module_utils.doctor import amqp, targets
from ansible_collections.openstack_vmware.nova.plugins.module_utils.threads import leave_signals

# What is wrong with a target. UNKNOWN: it was not tried.
UNREACHABLE, CERTIFICATE, LOGIN, ANSWER, MISSING, UNKNOWN = "unreachable", "certificate", "login", "answer", "missing", "unknown"
ANSWER_MAX = 8 << 20  # a catalog of thousands of endpoints is smaller
# A request that Nova's account must be allowed, and that reads next to nothing. Nova reads images with the token of a server's user, so what
# Glance thinks of the service's account does not count there.
PATHS = {"placement": "/resource_providers?name=none", "neutron": "/v2.0/networks?limit=1&fields=id", "glance": "/v2/images?limit=1"}


class Trouble(Exception):
    """A target can't be used. ``problem`` is one of the words above."""

    def __init__(self, problem, text):
        super().__init__(text)
        self.problem = problem


@dataclass(frozen=True)
class Token:
    """A token of Keystone with its catalog. ``skew`` is how many seconds this clock is ahead of Keystone's, None where it does not tell."""

    token: str = field(repr=False)
    catalog: list
    skew: float | None


def reach(services, bundle, timeout):
    """Tries each target of some nova-computes once, all at the same time.

    :arg services: ``[(name, NovaConf)]``.
    :arg bundle: path of the CA certificates that Nova's requests trusts by itself, or None for the machine's.
    :arg timeout: seconds that one connection or answer may take.
    :returns: a list of dicts, as ``compute_host_info`` documents ``openstack``.
    """
    brokers, logins, apis, found = {}, {}, {}, []
    for name, conf in services:
        try:
            for broker in targets.brokers(conf):
                brokers.setdefault(broker, []).append(name)
        except targets.NotChecked as error:
            found.append(_seen("broker", "", [name], UNKNOWN, str(error)))
        mine = {}
        for section in targets.LOGIN_SECTIONS:
            try:
                login = targets.login(conf, section)
            except targets.NotChecked as error:
                found.append(_seen("keystone", "", [name], UNKNOWN, str(error)))
                continue
            if login is not None:
                # Two sections with one account are one login.
                mine[section] = key = json.dumps([login.auth_url, login.body, repr(login.trust)], sort_keys=True)
                logins.setdefault(key, (login, []))[1].append(name)
        for api in targets.apis(conf):
            # Nova asks Glance with the token of a server's user: any account shows where it is.
            account = next((mine[one] for one in (api.section, "service_user", "placement", "neutron") if one in mine), None)
            apis.setdefault((api, account), []).append(name)
    with concurrent.futures.ThreadPoolExecutor(max_workers=32, initializer=leave_signals) as pool:
        asked = [(broker, names, pool.submit(_outcome, try_broker, broker, timeout)) for broker, names in brokers.items()]
        tokens = {key: pool.submit(_outcome, log_in, login, bundle, timeout) for key, (login, _names) in logins.items()}
        for broker, names, future in asked:
            _result, problem, text = future.result()
            found.append(_seen("broker", broker.target, names, problem, text))
        for key, (login, names) in logins.items():
            token, problem, text = tokens[key].result()
            found.append({**_seen("keystone", login.auth_url, names, problem, text), "clock_skew_seconds": token.skew if token else None})
        answers = []
        for (api, account), names in apis.items():
            token = tokens[account].result()[0] if account else None
            answers.append((api, names, pool.submit(_outcome, try_api, api, token, bundle, timeout)))
        for api, names, future in answers:
            url, problem, text = future.result()
            found.append(_seen(api.service, url or api.endpoint or "", names, problem, text))
    return found


def _seen(service, target, names, problem=None, text=None):
    return {"service": service, "target": target, "computes": sorted(set(names)), "problem": problem, "error": text, "clock_skew_seconds": None}


def _outcome(try_it, *arguments):
    """Returns ``(result, problem, error)``: of a target that can't be used the last two."""
    try:
        return try_it(*arguments), None, None
    except Trouble as trouble:
        return None, trouble.problem, str(trouble)


def context(trust, bundle=None):
    """Returns the TLS context for a :class:`..targets.Trust`.

    :raises Trouble: CERTIFICATE: a file can't be read or has no certificate.
    """
    path = trust.ca_file or bundle
    try:
        made = ssl.create_default_context(cafile=path)
    except OSError as error:  # an SSLError is one
        raise Trouble(CERTIFICATE, f"the CA certificates of '{path}' can't be read: {error.strerror or error}") from None
    if not trust.verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    if trust.certificate:
        try:
            made.load_cert_chain(trust.certificate, trust.key)
        except OSError as error:
            raise Trouble(CERTIFICATE, f"the client's certificate '{trust.certificate}' can't be read: {error.strerror or error}") from None
    return made


def why(error, target):
    """Returns the :class:`Trouble` that an OSError of a connection means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Trouble(CERTIFICATE, f"the certificate of {target} is not trusted: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return Trouble(ANSWER, f"{target} does not speak TLS as expected: {getattr(error, 'reason', None) or error}")
    if isinstance(error, socket.gaierror):
        return Trouble(UNREACHABLE, f"the name of {target} does not resolve: {error.strerror or error}")
    if isinstance(error, TimeoutError):
        return Trouble(UNREACHABLE, f"{target} does not answer in time")
    return Trouble(UNREACHABLE, f"{target} can't be reached: {error.strerror or error}")


def try_broker(broker, timeout):
    """Logs in to a host of the message broker and opens the virtual host.

    :raises Trouble: it can't be used.
    """
    target = broker.target
    try:
        with socket.create_connection((broker.host, broker.port), timeout) as plain:
            stream = plain
            if broker.trust is not None:
                tls = context(broker.trust)
                tls.check_hostname = broker.name is not None
                stream = tls.wrap_socket(plain, server_hostname=broker.name)
            amqp.login(stream, broker)
    except amqp.Refused as refused:
        raise Trouble(LOGIN, f"{target} refuses '{broker.username}' on the virtual host '{broker.virtual_host}': {str(refused).rstrip('.')}") from None
    except amqp.ProtocolError as error:
        hint = "" if broker.trust else " (does it want TLS? [oslo_messaging_rabbit]ssl is false)"
        raise Trouble(ANSWER, f"{target} is no message broker: {error}{hint}") from None
    except OSError as error:
        raise why(error, target) from None


def fetch(url, trust, bundle, timeout, headers=None, body=None):
    """Sends a request.

    :arg body: JSON for a POST, or None for a GET.
    :returns: ``(status, headers, bytes)``; a status that is an error is no exception.
    :raises Trouble: there is no answer of HTTP.
    """
    data = None if body is None else json.dumps(body).encode()
    target = re.sub(r"\?.*", "", url)
    try:
        request = urllib.request.Request(url, data, {"Accept": "application/json", "Content-Type": "application/json", **(headers or {})})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context(trust, bundle)))
        with opener.open(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read(ANSWER_MAX)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read(ANSWER_MAX)
    except urllib.error.URLError as error:
        if isinstance(error.reason, OSError):
            raise why(error.reason, target) from None
        raise Trouble(UNREACHABLE, f"{target} is no URL that can be asked: {error.reason}") from None
    except OSError as error:
        raise why(error, target) from None
    except (http.client.HTTPException, ValueError) as error:
        raise Trouble(ANSWER, f"{target} does not answer as an HTTP server: {error}") from None


def log_in(login, bundle, timeout):
    """Gets a token.

    :arg login: :class:`..targets.Login`.
    :returns: :class:`Token`.
    :raises Trouble: Keystone can't be used, or refuses the account.
    """
    url = f"{identity(login, bundle, timeout)}/auth/tokens"
    status, headers, data = fetch(url, login.trust, bundle, timeout, body=login.body)
    if status in (400, 401, 403):
        raise Trouble(LOGIN, f"Keystone refuses the account of [{login.section}] ({status}): {_said(data)}")
    try:
        return Token(headers["X-Subject-Token"] or "", json.loads(data)["token"].get("catalog") or [], skew(headers))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Trouble(ANSWER, f"{url} does not answer as Keystone: status {status}") from None


def identity(login, bundle, timeout):
    """Returns the URL of version 3 of the Identity API, as keystoneauth1/discover.py finds it: from the versions that ``auth_url`` names."""
    if login.auth_url.endswith("/v3"):
        return login.auth_url
    status, _headers, data = fetch(login.auth_url + "/", login.trust, bundle, timeout)
    try:
        document = json.loads(data)
        versions = document["versions"]["values"] if "versions" in document else [document["version"]]
        links = [link["href"] for version in versions if version["id"].startswith("v3") for link in version["links"] if link["rel"] == "self"]
        return links[0].rstrip("/")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError):
        if status >= 500:
            raise Trouble(ANSWER, f"{login.auth_url} does not answer as Keystone: status {status}") from None
        return f"{login.auth_url}/v3"  # keystoneauth1 does so where it finds no versions


def _said(data):
    """Returns the message of an error of an OpenStack API; what is not in that form is cut short."""
    try:
        return json.loads(data)["error"]["message"].strip().rstrip(".")
    except (ValueError, KeyError, TypeError, AttributeError):
        return data[:200].decode(errors="replace").strip() or "no reason given"


def skew(headers):
    """Returns the seconds that this clock is ahead of the server's, by the header Date, to about a second; None without one."""
    try:
        there = email.utils.parsedate_to_datetime(headers["Date"])
        # The header has whole seconds, cut off: on average half a second is missing.
        return round((datetime.datetime.now(datetime.timezone.utc) - there).total_seconds() - 0.5, 1)
    except (TypeError, ValueError):
        return None


def try_api(api, token, bundle, timeout):
    """Asks an API what Nova asks it; gives the URL of its endpoint.

    :arg token: :class:`Token`, or None where Keystone gave none.
    :raises Trouble: it can't be used, or its endpoint is not known.
    """
    url = api.endpoint or (token and targets.endpoint(token.catalog, api))
    if not url:
        if token is None:
            raise Trouble(UNKNOWN, "its endpoint is in Keystone's catalog, and Keystone gave no token")
        region = f" in the region '{api.region}'" if api.region else ""
        raise Trouble(MISSING, f"Keystone's catalog has no endpoint '{api.service_type}' of the interfaces {', '.join(api.interfaces)}{region}")
    base = re.sub(r"/v2(\.0)?$", "", url.rstrip("/"))
    status, _headers, _data = fetch(base + PATHS[api.service], api.trust, bundle, timeout, {"X-Auth-Token": token.token} if token else None)
    refused = (401, 403) if token is None or api.service == "glance" else ()
    if status in (401, 403) and status not in refused:
        raise Trouble(LOGIN, f"{url} refuses the account of [{api.section}]: status {status}")
    if status >= 400 and status not in refused:
        raise Trouble(ANSWER, f"{url} answers with status {status}")
    return url
