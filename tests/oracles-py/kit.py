"""What the oracles share: the list of cases, the simulator's admin API, and checks."""

import hashlib
import json
import socket
import urllib.parse
import urllib.request

# Every oracle has a method for each of these, or says in `skips` why it does not apply.
CASES = {
    "catalog": "plans, images and regions are read as typed values",
    "create": "the typed answer of a create is what the simulator holds",
    "get": "a host that has started has the status and address that the simulator holds",
    "list_pages": "a list that takes several pages is complete",
    "filter": "a list narrowed by label, tag or name holds only what matches",
    "firewall": "rules are made, seen, in force for a host, and deleted after it",
    "delete": "nothing that bills is left, and the SDK reads the host as gone",
    "unauthorized": "a wrong credential",
    "read_only": "a credential that may only read",
    "not_found": "a host that does not exist",
    "invalid": "a create with a bad value",
    "conflict": "a name that is taken, or a host that is busy",
    "sold_out": "a plan that is sold out",
    "quota": "the account's limit is reached",
    "rate_limited": "too many requests",
    "server_error": "a fault of the cloud",
    "lost_answer": "the answer to a create is lost: an error for the caller, one host at the cloud",
}

USER_DATA = "#!/bin/sh\necho 'made by an oracle: \u00e4\u00f6\u00fc' > /tmp/oracle\n"


class Failed(AssertionError):
    """A check that did not hold."""


def equal(found, expected, what=""):
    if found != expected:
        raise Failed(f"{what or 'value'}: expected {expected!r}, found {found!r}")


def holds(condition, what):
    if not condition:
        raise Failed(what)


def raises(kind, call, *arguments, **named):
    """Calls and returns the exception, which has to be of that kind."""
    try:
        answer = call(*arguments, **named)
    except kind as caught:
        return caught
    raise Failed(f"no {getattr(kind, '__name__', kind)} was raised; the answer was {str(answer)[:300]}")


def at_home(sim, host):
    """A URL by a cloud's real host name, which leads to the simulator as a line in the hosts file would."""
    port = urllib.parse.urlsplit(sim.base).port
    HOME.add(host)
    return f"https://{host}:{port}"


HOME = set()
_getaddrinfo = socket.getaddrinfo


def _resolve(host, *arguments, **named):
    return _getaddrinfo("127.0.0.1" if host in HOME else host, *arguments, **named)


socket.getaddrinfo = _resolve


class Sim:
    """The admin API of a simulator that runs, narrowed to one cloud."""

    def __init__(self, base, cloud, boot_ms):
        self.base, self.cloud, self.boot_ms = base, cloud, boot_ms
        found = [info for info in self._admin("GET", "clouds") if info["id"] == cloud]
        holds(found, f"the simulator has no cloud `{cloud}`")
        self.settings = found[0]["settings"]
        self.url = base + found[0]["endpoint_path"]

    def _admin(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.base}/_sim/{path}", data=data, method=method)
        # Neither proxies nor what the oracles do to the process's settings.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def reset(self):
        self._admin("POST", "reset")

    def advance(self, millis):
        self._admin("POST", "clock", {"advance_ms": millis})

    def boot(self):
        """Lets hosts start."""
        self.advance(self.boot_ms)

    def gone(self):
        """Lets deleted hosts go; it takes two thirds of the time that coming takes."""
        self.advance(self.boot_ms)

    def fault(self, effect, method=None, path=None, times=None, **more):
        fault = {"effect": {"type": effect, **more}, "cloud": self.cloud}
        for name, value in (("method", method), ("path", path), ("times", times)):
            if value is not None:
                fault[name] = value
        self._admin("POST", "faults", fault)

    def inventory(self, kind=None):
        items = [item for item in self._admin("GET", "inventory") if item["cloud"] == self.cloud]
        return [item for item in items if kind in (None, item["kind"])]

    def hosts(self):
        return self.inventory("host")

    def host(self, **wanted):
        """The one host with these values."""
        found = [item for item in self.hosts() if all(item[key] == value for key, value in wanted.items())]
        holds(len(found) == 1, f"the simulator holds {len(found)} hosts with {wanted}: {self.hosts()}")
        return found[0]

    def requests(self, method=None, path=""):
        log = [entry for entry in self._admin("GET", "requests") if entry["cloud"] == self.cloud]
        return [entry for entry in log if method in (None, entry["method"]) and path in entry["path"]]

    def nothing_bills(self):
        equal([item for item in self.inventory() if item["bills"]], [], "what bills")


def user_data_arrived(host, text=USER_DATA):
    equal(host["user_data_sha256"], hashlib.sha256(text.encode()).hexdigest(), "digest of the user data")


def names(count, stem="page"):
    return [f"{stem}-{number:02}" for number in range(count)]


class Oracle:
    """An SDK. A subclass names it and has a method for each case that applies."""

    name = ""
    cloud = ""
    # Whether the SDK insists on https.
    tls = False
    # Reasons of the cases that do not apply, by case.
    skips = {}

    def __init__(self, sim):
        self.sim = sim

    @classmethod
    def import_sdk(cls):
        """Imports the SDK where that has to wait for the environment or takes its time."""

    def __repr__(self):
        return self.name
