"""Linode (Akamai): `linode_api4`."""

import requests
from linode_api4 import ApiError, Firewall, Instance, LinodeClient

from kit import USER_DATA, Oracle, equal, holds, names, raises, user_data_arrived

PASSWORD = "correct-Horse-7-battery-Staple"


class Sdk(Oracle):
    name = "linode-api4"
    cloud = "linode"

    def client(self, token=None, **more):
        return LinodeClient(token or self.sim.settings["token"], base_url=f"{self.sim.url}/v4", **({"retry": False} | more))

    def make(self, name="web-1", client=None, plan="g6-nanode-1", region="eu-west", **more):
        client = client or self.client()
        order = {"image": "linode/ubuntu24.04", "root_pass": PASSWORD, "label": name, "tags": ["managed-by:oracle"], "firewall": -1}
        order["metadata"] = client.linode.build_instance_metadata(user_data=USER_DATA)
        return client.linode.instance_create(plan, region, **(order | more))

    def catalog(self):
        client = self.client()
        plan = [kind for kind in client.linode.types() if kind.id == "g6-nanode-1"][0]
        equal((plan.memory, plan.vcpus, plan.price.monthly), (1024, 1, 5))
        equal({price.id: price.monthly for price in plan.region_prices}, {"id-cgk": 6.0, "br-gru": 7.0})
        image = [image for image in client.images() if image.id == "linode/ubuntu24.04"][0]
        equal((image.vendor, image.deprecated, image.is_public), ("Ubuntu", False, True))
        holds("cloud-init" in image.capabilities, f"capabilities {image.capabilities}")
        region = [region for region in client.regions() if region.id == "eu-west"][0]
        equal((region.country, region.status), ("gb", "ok"))

    def create(self):
        made = self.make()
        held = self.sim.host(name="web-1")
        equal((str(made.id), made.region.id, made.label), (held["id"], held["region"], held["name"]))
        equal((made.status, made.type.id, made.image.id), ("provisioning", "g6-nanode-1", "linode/ubuntu24.04"))
        equal((made.tags, made.has_user_data), (["managed-by:oracle"], True))
        user_data_arrived(held)

    def get(self):
        client = self.client()
        id = self.make(client=client).id
        self.sim.boot()
        found = client.load(Instance, id)
        held = self.sim.host(id=str(id))
        equal((found.status, found.ipv4, found.label), ("running", [held["ip"]], held["name"]))
        holds(found.created.year >= 2026, f"created {found.created}")

    def list_pages(self):
        # Pages have at least 25 entries.
        client = self.client(page_size=25)
        for name in names(27):
            self.make(name, client=client)
        before = len(self.sim.requests("GET", "/instances"))
        found = list(client.linode.instances())
        equal({str(instance.id) for instance in found}, {host["id"] for host in self.sim.hosts()})
        equal(len(self.sim.requests("GET", "/instances")) - before, 2, "requests for 27 instances")

    def filter(self):
        client = self.client()
        self.make("aaa", client=client, tags=["team-a"])
        self.make("bbb", client=client, tags=["team-b"])
        equal([found.label for found in client.linode.instances(Instance.tags.contains("team-b"))], ["bbb"])
        equal([found.label for found in client.linode.instances(Instance.label == "aaa")], ["aaa"])
        equal([found.label for found in client.linode.instances((Instance.label == "aaa") | (Instance.label == "zzz"))], ["aaa"])

    def firewall(self):
        client = self.client()
        rule = {"protocol": "TCP", "ports": "443, 8000-8100", "action": "ACCEPT", "label": "web", "addresses": {"ipv4": ["0.0.0.0/0"]}}
        rules = {"inbound": [rule], "inbound_policy": "DROP", "outbound": [], "outbound_policy": "ACCEPT"}
        made = client.networking.firewall_create("web", rules, tags=["managed-by:oracle"])
        held = self.sim.inventory("firewall")[0]
        equal((str(made.id), made.label, made.status), (held["id"], held["name"], "enabled"))
        equal((made.rules.inbound_policy, made.rules.inbound[0].protocol), ("DROP", "TCP"))
        id = self.make(client=client, firewall=made).id
        self.sim.boot()
        equal([device.entity.id for device in client.load(Firewall, made.id).devices], [id])
        equal([found.id for found in client.load(Instance, id).firewalls()], [made.id])
        client.load(Instance, id).delete()
        self.sim.gone()
        holds(client.load(Firewall, made.id).delete(), "the SDK says that nothing was deleted")
        equal(self.sim.inventory("firewall"), [])

    def delete(self):
        client = self.client()
        made = self.make(client=client)
        self.sim.boot()
        holds(made.delete(), "the SDK says that nothing was deleted")
        self.sim.gone()
        self.sim.nothing_bills()
        self.refused(404, "Not found", lambda: client.load(Instance, made.id))

    def refused(self, status, reason, call, *arguments, **named):
        problem = raises(ApiError, call, *arguments, **named)
        equal(problem.status, status)
        holds(any(reason in found for found in problem.errors), f"expected `{reason}` in {problem.errors}")
        return problem

    def unauthorized(self):
        self.refused(401, "Invalid Token", self.client("wrong").linode.instances)

    def read_only(self):
        client = self.client("sim-token-linode-readonly")
        equal(list(client.linode.instances()), [])
        self.refused(401, "not authorized", self.make, client=client)

    def not_found(self):
        self.refused(404, "Not found", lambda: self.client().load(Instance, 4711))

    def invalid(self):
        problem = self.refused(400, "", self.make, "no name")
        equal(problem.json["errors"][0]["field"], "label")
        equal(self.refused(400, "", self.make, region="xx-none").json["errors"][0]["field"], "region")
        equal(self.refused(400, "", self.make, plan="g0-none").json["errors"][0]["field"], "type")

    def conflict(self):
        self.make()
        self.refused(400, "must be unique", self.make)

    def sold_out(self):
        self.sim.fault("sold_out")
        self.refused(400, "No open slots", self.make)

    def quota(self):
        self.sim.fault("quota")
        self.refused(400, "Account Limit reached", self.make)

    def rate_limited(self):
        self.sim.fault("rate_limited", times=2, retry_after=1)
        problem = self.refused(429, "Too many requests", self.client().linode.instances)
        equal(problem.response.headers["retry-after"], "1")
        # The SDK waits as long as it is told, and tries again.
        equal(list(self.client(retry=True).linode.instances()), [])

    def server_error(self):
        self.sim.fault("server_error", status=500, times=1)
        self.refused(500, "unexpected error", self.client().linode.instances)
        # A gateway's page instead of JSON.
        self.sim.fault("server_error", status=502)
        problem = raises(ApiError, self.client().linode.instances)
        equal((problem.status, problem.errors), (502, []))

    def lost_answer(self):
        self.sim.fault("reset_after", method="POST", times=1)
        raises(requests.exceptions.ConnectionError, self.make)
        self.sim.host(name="web-1")
