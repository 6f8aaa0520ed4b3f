#!/usr/bin/env python3
"""Runs inletsctl, unmodified, against the simulator: create, delete, and nothing that bills is left.

    inletsctl.py --provision target/debug/provision --inletsctl PATH [--only hetzner]

It believes to speak with the real clouds: a proxy on the loopback leads every host name to the simulator.
"""

import argparse
import json
import os
import pathlib
import re
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.request

# Seconds for one command.
PATIENCE = 60

# What is not inletsctl's own default, and why; with the default the real cloud refuses the create as well.
OVERRIDES = {
    "vultr": (["--plan", "vc2-1c-1gb", "--region", "lhr"], "Vultr's API v2 knows no plan 201, which is of v1"),
}
# Clouds on which the real one refuses what inletsctl sends, with the words in which the simulator has to refuse it too.
REFUSED = {
    "scaleway": ("MarketplaceImage", "its image is ubuntu-jammy, and the marketplace's label is ubuntu_jammy"),
    "azure": ("IPv4BasicSkuPublicIpCountLimitReached", "it asks for a Basic public IP, which Azure retired in 2025"),
}
# What inletsctl leaves behind, which bills.
LEFT = {
    "gce": (["address oracle"], "it releases the address before the instance is gone, which is refused, and only logs that"),
}


class Proxy:
    """CONNECT to any host leads to one port."""

    def __init__(self, port):
        self.port, self.listener = port, socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                more = client.recv(4096)
                if not more:
                    return
                head += more
            if not head.startswith(b"CONNECT "):
                client.sendall(b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n")
                return
            with socket.create_connection(("127.0.0.1", self.port)) as cloud:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self._pass_on(client, cloud)

    @staticmethod
    def _pass_on(one, other):
        while True:
            for ready in select.select([one, other], [], [])[0]:
                try:
                    data = ready.recv(65536)
                except ConnectionError:
                    return
                if not data:
                    return
                (other if ready is one else one).sendall(data)


class Simulator:
    def __init__(self, provision, folder):
        self.authority = folder / "ca.pem"
        self.process = subprocess.Popen(
            [provision, "sim", "serve", "--listen", "127.0.0.1:0", "--tls", "--ca-out", self.authority, "--boot-time", "300ms"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.url = self.process.stdout.readline().strip()
        self.port = int(self.url.rsplit(":", 1)[1])

    def admin(self, path, method="GET", body=None):
        trust = ssl.create_default_context(cafile=str(self.authority))
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
        data = None if body is None else json.dumps(body).encode()
        url = f"https://localhost:{self.port}/_sim/{path}"
        with opener.open(urllib.request.Request(url, data, method=method), timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def settings(self):
        """Cloud to the settings that its account accepts."""
        return {info["id"]: info["settings"] for info in self.admin("clouds")}


def credentials(settings, folder):
    """Cloud to the flags of create and delete, and those of create alone."""
    def token(cloud):
        return ["--access-token", settings[cloud]["token"]]

    azure = settings["azure"]
    file = folder / "azure.json"
    file.write_text(json.dumps({
        "clientId": azure["client-id"], "clientSecret": azure["client-secret"], "tenantId": azure["tenant-id"],
        "subscriptionId": azure["subscription-id"]}))
    account = folder / "account.json"
    account.write_text(settings["gce"]["service-account"])
    ec2, ovh, scaleway = settings["ec2"], settings["ovh"], settings["scaleway"]
    return {
        "digitalocean": (token("digitalocean"), []),
        "hetzner": (token("hetzner"), []),
        "linode": (token("linode"), []),
        "vultr": (token("vultr"), []),
        "scaleway": (["--access-token", scaleway["access-key"], "--secret-key", scaleway["secret-key"], "--organisation-id",
                      scaleway["project"]], []),
        "ec2": (["--access-token", ec2["access-key-id"], "--secret-key", ec2["secret-access-key"]], []),
        "ovh": (["--access-token", ovh["application-key"], "--secret-key", ovh["application-secret"], "--consumer-key",
                 ovh["consumer-key"], "--project-id", ovh["project"]], []),
        "gce": (["--access-token-file", str(account), "--project-id", "sim-project"],
                ["--region", "us-central1", "--zone", "us-central1-a"]),
        "azure": (["--access-token-file", str(file), "--subscription-id", azure["subscription-id"]], ["--region", "eastus"]),
    }


class Failed(Exception):
    """What went wrong."""


class Inletsctl:
    def __init__(self, tool, simulator, proxy, folder):
        self.tool = tool
        # Nothing of the caller's settings has a say.
        self.environment = {
            "HOME": str(folder), "PATH": os.environ.get("PATH", ""), "HTTPS_PROXY": proxy.url, "HTTP_PROXY": proxy.url,
            "SSL_CERT_FILE": str(simulator.authority)}

    def run(self, *arguments):
        done = subprocess.run([self.tool, *arguments], env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=PATIENCE)
        return done.returncode, done.stdout + done.stderr


def left(simulator, cloud):
    return [item for item in simulator.admin("inventory") if item["cloud"] == cloud and item["bills"]]


def whole_life(inletsctl, simulator, cloud, common, create):
    """Create, delete, and nothing that bills is left; or the refusal that is due."""
    simulator.admin("reset", "POST")
    overrides, _ = OVERRIDES.get(cloud, ([], None))
    code, said = inletsctl.run("create", "oracle", "--provider", cloud, "--tcp", "--poll", "200ms", *common, *create, *overrides)
    if cloud in REFUSED:
        words, _ = REFUSED[cloud]
        if words not in said:
            raise Failed(f"create was not refused with {words}: {said.strip()[-600:]}")
        return
    found = re.search(r'inletsctl delete --provider \S+ --id "([^"]+)"', said)
    if code or not found:
        raise Failed(f"create: {said.strip()[-600:]}")
    hosts = [item for item in simulator.admin("inventory") if item["cloud"] == cloud and item["kind"] == "host"]
    if len(hosts) != 1 or f"IP: {hosts[0]['ip']}\n" not in said:
        raise Failed(f"the simulator holds {hosts}, and inletsctl said {said.strip()[-600:]}")
    if not hosts[0]["user_data_sha256"]:
        raise Failed("the host has no user data")
    region = [] if "--region" not in create else create[:2]
    code, said = inletsctl.run("delete", "--provider", cloud, "--id", found[1], *common, *region)
    if code:
        raise Failed(f"delete: {said.strip()[-600:]}")
    simulator.admin("clock", "POST", {"advance_ms": 60_000})
    remains = [f"{item['kind']} {item['name']}" for item in left(simulator, cloud)]
    if remains != LEFT.get(cloud, ([], None))[0]:
        raise Failed(f"left: {remains}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--provision", required=True, help="this project's command line tool")
    parser.add_argument("--inletsctl", default=os.environ.get("INLETSCTL"), help="the program; default: INLETSCTL")
    parser.add_argument("--only", help="clouds, separated by commas")
    options = parser.parse_args()
    if not options.inletsctl:
        print("skipped: no inletsctl: its module is not on every module proxy; build it from its repository and pass --inletsctl")
        return 77
    failed, passed = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        simulator = Simulator(options.provision, folder)
        try:
            inletsctl = Inletsctl(options.inletsctl, simulator, Proxy(simulator.port), folder)
            for cloud, (common, create) in credentials(simulator.settings(), folder).items():
                if options.only and cloud not in options.only.split(","):
                    continue
                try:
                    whole_life(inletsctl, simulator, cloud, common, create)
                    note = [table[cloud][1] for table in (OVERRIDES, REFUSED, LEFT) if cloud in table]
                    print(f"{cloud:13} ok" + "".join(f"; {text}" for text in note), flush=True)
                    passed += 1
                except (Failed, subprocess.TimeoutExpired) as problem:
                    print(f"{cloud:13} FAIL: {problem}", flush=True)
                    failed += 1
        finally:
            simulator.process.terminate()
    print(f"\n{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
