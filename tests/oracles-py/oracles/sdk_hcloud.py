"""Hetzner Cloud: `hcloud`."""

import hcloud
import requests
from hcloud.firewalls import FirewallResource, FirewallResourceLabelSelector, FirewallRule
from hcloud.images import Image
from hcloud.locations import Location
from hcloud.server_types import ServerType

from kit import USER_DATA, Oracle, equal, holds, names, raises, user_data_arrived


class Sdk(Oracle):
    name = "hcloud"
    cloud = "hetzner"

    def client(self, token=None, retries=0):
        client = hcloud.Client(token=token or self.sim.settings["token"], api_endpoint=f"{self.sim.url}/v1", poll_interval=0.05)
        # The SDK has no setting for it; by default it tries five times, with pauses of up to a minute.
        client._client._retry_max_retries = retries
        client._client._retry_interval_func = lambda _: 0.01
        return client

    def make(self, name="web-1", client=None, **more):
        order = {"server_type": ServerType(name="cx23"), "image": Image(name="ubuntu-24.04"), "user_data": USER_DATA}
        order |= {"labels": {"managed-by": "oracle"}, "location": Location(name="fsn1")}
        return (client or self.client()).servers.create(name=name, **(order | more))

    def catalog(self):
        client = self.client()
        types = {kind.name: kind for kind in client.server_types.get_all()}
        equal((types["cx23"].architecture, types["cx23"].cores), ("x86", 2))
        prices = {price["location"]: price["price_monthly"]["net"] for price in types["cx23"].prices}
        holds(float(prices["fsn1"]) > 0, f"prices of cx23: {prices}")
        image = client.images.get_by_name_and_architecture("ubuntu-24.04", "x86")
        equal((image.os_flavor, image.status, image.type), ("ubuntu", "available", "system"))
        holds({"fsn1", "hel1"} <= {place.name for place in client.locations.get_all()}, "locations are missing")

    def create(self):
        made = self.make()
        held = self.sim.host(name="web-1")
        equal((str(made.server.id), made.server.location.name), (held["id"], held["region"]))
        equal(made.server.status, "initializing")
        equal(made.server.labels, {"managed-by": "oracle"})
        equal((made.action.command, made.action.status), ("create_server", "running"))
        equal([action.command for action in made.next_actions], ["start_server"])
        holds(made.root_password, "there is no root password, though there are no keys")
        user_data_arrived(held)

    def get(self):
        client = self.client()
        made = self.make(client=client)
        self.sim.boot()
        for action in [made.action, *made.next_actions]:
            action.wait_until_finished()
        server = client.servers.get_by_id(made.server.id)
        held = self.sim.host(id=str(server.id))
        equal((server.status, server.public_net.ipv4.ip, server.name), ("running", held["ip"], held["name"]))
        equal((server.server_type.name, server.image.name), ("cx23", "ubuntu-24.04"))
        holds(server.created.year >= 2026, f"created {server.created}")

    def list_pages(self):
        client = self.client()
        for name in names(53):
            self.make(name, client=client)
        before = len(self.sim.requests("GET", "/servers"))
        found = client.servers.get_all()
        equal({str(server.id) for server in found}, {host["id"] for host in self.sim.hosts()})
        equal(len(self.sim.requests("GET", "/servers")) - before, 2, "requests for 53 servers")
        page = client.servers.get_list(page=2, per_page=20)
        equal((len(page.servers), page.meta.pagination.next_page, page.meta.pagination.total_entries), (20, 3, 53))

    def filter(self):
        client = self.client()
        self.make("a", client=client, labels={"team": "a"})
        self.make("b", client=client, labels={"team": "b"})
        equal([server.name for server in client.servers.get_all(label_selector="team=b")], ["b"])
        equal([server.name for server in client.servers.get_all(label_selector="team notin (b)")], ["a"])
        equal(client.servers.get_by_name("a").labels, {"team": "a"})
        equal(client.servers.get_by_name("c"), None)

    def firewall(self):
        client = self.client()
        rule = FirewallRule(direction="in", protocol="tcp", port="443", source_ips=["0.0.0.0/0", "::/0"], description="https")
        selector = FirewallResource(type="label_selector", label_selector=FirewallResourceLabelSelector("team=web"))
        made = client.firewalls.create("web", rules=[rule], labels={"managed-by": "oracle"}, resources=[selector])
        firewall, held = made.firewall, self.sim.inventory("firewall")[0]
        equal((str(firewall.id), firewall.name, firewall.labels), (held["id"], held["name"], {"managed-by": "oracle"}))
        equal((firewall.rules[0].port, firewall.rules[0].source_ips), ("443", ["0.0.0.0/0", "::/0"]))
        server = self.make(client=client, labels={"team": "web"}, firewalls=[firewall]).server
        self.sim.boot()
        server.reload()
        equal([(found.firewall.id, found.status) for found in server.public_net.firewalls], [(firewall.id, "applied")])
        firewall = client.firewalls.get_by_name("web")
        equal({resource.type for resource in firewall.applied_to}, {"label_selector", "server"})
        self.refused("resource_in_use", firewall.delete)
        for action in client.firewalls.remove_from_resources(firewall, firewall.applied_to):
            self.sim.gone()
            action.wait_until_finished()
        server.delete()
        self.sim.gone()
        holds(client.firewalls.get_by_id(firewall.id).delete(), "the SDK says that nothing was deleted")
        equal(self.sim.inventory("firewall"), [])

    def delete(self):
        client = self.client()
        made = self.make(client=client)
        self.sim.boot()
        action = client.servers.delete(made.server)
        self.sim.gone()
        action.wait_until_finished()
        equal(action.command, "delete_server")
        self.sim.nothing_bills()
        self.refused("not_found", client.servers.get_by_id, made.server.id)

    def refused(self, code, call, *arguments, **named):
        problem = raises(hcloud.APIException, call, *arguments, **named)
        equal(problem.code, code)
        holds(problem.correlation_id, "the answer has no correlation id")
        return problem

    def unauthorized(self):
        self.refused("unauthorized", self.client("wrong").servers.get_all)

    def read_only(self):
        client = self.client("sim-token-hetzner-readonly")
        equal(client.servers.get_all(), [])
        self.refused("token_readonly", self.make, client=client)

    def not_found(self):
        self.refused("not_found", self.client().servers.get_by_id, 4711)

    def invalid(self):
        problem = self.refused("invalid_input", self.make, "not a name")
        equal(problem.details["fields"][0]["name"], "name")
        self.refused("invalid_input", self.make, server_type=ServerType(name="cx0"))

    def conflict(self):
        self.make()
        self.refused("uniqueness_error", self.make)

    def sold_out(self):
        self.sim.fault("sold_out")
        self.refused("resource_unavailable", self.make)

    def quota(self):
        self.sim.fault("quota")
        self.refused("resource_limit_exceeded", self.make)

    def rate_limited(self):
        self.sim.fault("rate_limited", times=2, retry_after=1)
        self.refused("rate_limit_exceeded", self.client().servers.get_all)
        # The SDK knows the code, and tries again.
        equal(self.client(retries=1).servers.get_all(), [])

    def server_error(self):
        self.sim.fault("server_error", status=503)
        self.refused("unavailable", self.client().servers.get_all)

    def lost_answer(self):
        self.sim.fault("reset_after", method="POST", times=1)
        raises(requests.exceptions.ConnectionError, self.make)
        self.sim.host(name="web-1")
