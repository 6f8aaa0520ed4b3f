"""Scaleway: `scaleway`."""

import requests
from scaleway import Client
from scaleway.block.v1 import BlockV1API
from scaleway.instance.v1 import SetSecurityGroupRulesRequestRule
from scaleway.instance.v1.custom_api import InstanceUtilsV1API
from scaleway.marketplace.v2 import MarketplaceV2API
from scaleway_core.api import ScalewayException

from kit import USER_DATA, Oracle, equal, holds, names, raises, user_data_arrived

READ_ONLY_KEY = "7f2d1c3a-0b4e-4c5d-9e6f-1a2b3c4d5e70"


class Sdk(Oracle):
    name = "scaleway"
    cloud = "scaleway"
    skips = {}

    def api(self, kind=InstanceUtilsV1API, secret=None):
        settings = self.sim.settings
        client = Client(
            access_key=settings["access-key"],
            secret_key=secret or settings["secret-key"],
            api_url=self.sim.url,
            default_zone="fr-par-1",
            default_project_id=settings["project"],
        )
        return kind(client)

    def image(self):
        images = self.api(MarketplaceV2API).list_local_images_all(image_label="ubuntu_noble", zone="fr-par-1", type_="instance_local")
        return [image for image in images if "DEV1-S" in image.compatible_commercial_types][0].id

    def make(self, name="web-1", api=None, **more):
        api = api or self.api()
        order = {"name": name, "commercial_type": "DEV1-S", "image": more.pop("image", None) or self.image()}
        order |= {"dynamic_ip_required": True, "tags": ["managed-by=oracle"], "protected": False}
        # What the SDK's own `create_server` is for its users; `_create_server` is the call alone.
        return api.create_server(**(order | more)).server

    def start(self, api, server):
        api.set_server_user_data(server_id=server.id, key="cloud-init", content=USER_DATA.encode())
        task = api.server_action(server_id=server.id, action="poweron").task
        equal((task.description, task.status), ("server_poweron", "pending"))
        self.sim.boot()

    def catalog(self):
        plans = self.api().list_servers_types(per_page=100).servers
        equal((plans["DEV1-S"].ncpus, plans["DEV1-S"].ram, plans["DEV1-S"].arch), (2, 2 << 30, "x86_64"))
        holds(plans["DEV1-S"].hourly_price > 0, "DEV1-S costs nothing")
        stock = self.api().get_server_types_availability(per_page=100).servers
        equal((stock["DEV1-S"].availability, stock["STARDUST1-S"].availability), ("available", "shortage"))
        images = self.api(MarketplaceV2API).list_images_all(include_eol=False)
        holds("ubuntu_noble" in [image.label for image in images], "there is no Ubuntu 24.04")
        image = self.api().get_image(image_id=self.image()).image
        equal((image.arch, image.state), ("x86_64", "available"))

    def create(self):
        server = self.make()
        held = self.sim.host(name="web-1")
        equal((server.id, server.zone, server.state), (held["id"], held["region"], "stopped"))
        equal((server.commercial_type, server.tags, server.public_ips), ("DEV1-S", ["managed-by=oracle"], []))
        equal(list(server.volumes), ["0"])
        holds("poweron" in server.allowed_actions, f"actions {server.allowed_actions}")

    def get(self):
        api = self.api()
        server = self.make(api=api)
        self.start(api, server)
        server = api.get_server(server_id=server.id).server
        held = self.sim.host(id=server.id)
        equal((server.state, server.public_ips[0].address, server.name), ("running", held["ip"], held["name"]))
        equal(api.get_server_user_data(server_id=server.id, key="cloud-init").content, USER_DATA.encode())
        user_data_arrived(held)

    def list_pages(self):
        api, image = self.api(), self.image()
        for name in names(5):
            self.make(name, api=api, image=image)
        before = len(self.sim.requests("GET", "/servers"))
        found = api.list_servers_all(per_page=2)
        equal(sorted(server.id for server in found), sorted(host["id"] for host in self.sim.hosts()))
        # The SDK stops at the first empty page.
        equal(len(self.sim.requests("GET", "/servers")) - before, 4, "requests for 5 servers")
        equal(int(api.list_servers(per_page=2).total_count), 5)

    def filter(self):
        api, image = self.api(), self.image()
        self.make("a", api=api, image=image, tags=["team=a"])
        self.make("b", api=api, image=image, tags=["team=b", "x"])
        equal([server.name for server in api.list_servers_all(tags=["team=b", "x"])], ["b"])
        equal([server.name for server in api.list_servers_all(name="a")], ["a"])
        equal(api.list_servers_all(state="running"), [])

    def firewall(self):
        api = self.api()
        made = api.create_security_group(
            name="web", description="made by an oracle", stateful=True, inbound_default_policy="drop", tags=["x"]
        ).security_group
        held = self.sim.inventory("security-group")[0]
        equal((made.id, made.name, made.inbound_default_policy), (held["id"], held["name"], "drop"))
        rule = lambda protocol, **more: SetSecurityGroupRulesRequestRule(
            # Unless they say otherwise, rules of the SDK are not editable, and such ones are ignored.
            action="accept", protocol=protocol, direction="inbound", ip_range="0.0.0.0/0", position=1, editable=True, **more
        )
        api.set_security_group_rules(security_group_id=made.id, rules=[rule("TCP", dest_port_from=443), rule("ICMP")])
        rules = api.list_security_group_rules_all(security_group_id=made.id)
        equal([found.dest_port_from for found in rules if found.editable], [443, None])
        server = self.make(api=api, security_group=made.id)
        equal(server.security_group.id, made.id)
        equal([found.id for found in api.get_security_group(security_group_id=made.id).security_group.servers], [server.id])
        raises(ScalewayException, api.delete_security_group, security_group_id=made.id)
        api.delete_server(server_id=server.id)
        equal(api.delete_security_group(security_group_id=made.id), None)
        equal(self.sim.inventory("security-group"), [])

    def delete(self):
        api = self.api()
        server = self.make(api=api)
        self.start(api, server)
        equal(api.server_action(server_id=server.id, action="terminate").task.description, "server_terminate")
        self.sim.gone()
        self.refused(404, "not_found", api.get_server, server_id=server.id)
        self.sim.nothing_bills()
        # The other way: a server that is off leaves its disk behind.
        server = self.make(api=api)
        equal(api.delete_server(server_id=server.id), None)
        volume = self.sim.inventory("volume")[0]["id"]
        equal(api.delete_volume(volume_id=volume), None)
        self.sim.nothing_bills()

    def refused(self, status, kind, call, *arguments, **named):
        problem = raises(ScalewayException, call, *arguments, **named)
        equal((problem.status_code, problem.response.json()["type"]), (status, kind))
        return problem

    def unauthorized(self):
        api = self.api(secret="11111111-1111-4111-8111-111111111111")
        self.refused(401, "denied_authentication", api.list_servers)

    def read_only(self):
        api, image = self.api(secret=READ_ONLY_KEY), self.image()
        equal(api.list_servers_all(), [])
        self.refused(403, "permissions_denied", self.make, api=api, image=image)

    def not_found(self):
        id = "11111111-1111-4111-8111-111111111111"
        problem = self.refused(404, "not_found", self.api().get_server, server_id=id)
        equal(problem.response.json()["resource_id"], id)
        raises(ScalewayException, self.api(BlockV1API).get_volume, volume_id=id)

    def invalid(self):
        problem = self.refused(400, "invalid_arguments", self.make, "not/a/name")
        equal(problem.response.json()["details"][0]["argument_name"], "name")
        self.refused(400, "invalid_arguments", self.make, commercial_type="DEV0-X")

    def conflict(self):
        api = self.api()
        server = self.make(api=api)
        self.start(api, server)
        self.refused(400, "precondition_failed", api.delete_server, server_id=server.id)

    def sold_out(self):
        self.sim.fault("sold_out", method="POST")
        self.refused(412, "out_of_stock", self.make)

    def quota(self):
        self.sim.fault("quota", method="POST")
        self.refused(403, "quotas_exceeded", self.make)

    def rate_limited(self):
        self.sim.fault("rate_limited")
        # The gateway's answer has no body, which the SDK does not expect.
        raises(requests.exceptions.JSONDecodeError, self.api().list_servers)
        equal(self.sim.requests("GET", "/servers")[-1]["status"], 429)

    def server_error(self):
        self.sim.fault("server_error", status=500)
        self.refused(500, "internal_error", self.api().list_servers)

    def lost_answer(self):
        image = self.image()
        self.sim.fault("reset_after", method="POST", times=1)
        raises(requests.exceptions.ConnectionError, self.make, image=image)
        self.sim.host(name="web-1")
