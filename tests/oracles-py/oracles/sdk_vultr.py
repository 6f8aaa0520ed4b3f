"""Vultr: the generated `vultr-python-client`. It checks answers against the vendor's OpenAPI description."""

import base64
import json

import urllib3
import vultr_python_client as vultr
from vultr_python_client.apis.tags.firewall_api import FirewallApi
from vultr_python_client.apis.tags.instances_api import InstancesApi
from vultr_python_client.apis.tags.os_api import OsApi
from vultr_python_client.apis.tags.plans_api import PlansApi
from vultr_python_client.apis.tags.region_api import RegionApi

from kit import USER_DATA, Oracle, equal, holds, names, raises, user_data_arrived


class Sdk(Oracle):
    name = "vultr"
    cloud = "vultr"
    skips = {"conflict": "labels need not be unique, and what a busy instance refuses is not proven"}

    def of(self, kind=InstancesApi, token=None):
        configuration = vultr.Configuration(host=f"{self.sim.url}/v2")
        configuration.access_token = token or self.sim.settings["token"]
        configuration.retries = False
        return kind(vultr.ApiClient(configuration))

    def make(self, label="web-1", api=None, **more):
        order = {"region": "lhr", "plan": "vc2-1c-1gb", "os_id": 2284, "label": label, "hostname": label, "tags": ["managed-by:oracle"]}
        order["user_data"] = base64.b64encode(USER_DATA.encode()).decode()
        return (api or self.of()).create_instance(body=order | more).body["instance"]

    def find(self, id, api=None):
        return (api or self.of()).get_instance(path_params={"instance-id": str(id)}).body["instance"]

    def catalog(self):
        # Prices are whole numbers in the description that the SDK was made from, and are not in the API: plans as plain JSON.
        answer = self.of(PlansApi).list_plans(query_params={"type": "vc2"}, skip_deserialization=True)
        plans = {plan["id"]: plan for plan in json.loads(answer.response.data)["plans"]}
        equal((plans["vc2-1c-1gb"]["ram"], plans["vc2-1c-1gb"]["vcpu_count"]), (1024, 1))
        holds("lhr" in plans["vc2-1c-1gb"]["locations"], f"{plans['vc2-1c-1gb']}")
        systems = {int(system["id"]): system for system in self.of(OsApi).list_os().body["os"]}
        equal((str(systems[2284]["family"]), str(systems[2284]["arch"])), ("ubuntu", "x64"))
        regions = {str(region["id"]): region for region in self.of(RegionApi).list_regions().body["regions"]}
        equal(str(regions["lhr"]["country"]), "GB")
        there = self.of(RegionApi).list_available_plans_region(path_params={"region-id": "lhr"}).body["available_plans"]
        holds("vc2-1c-1gb" in [str(plan) for plan in there], f"plans in lhr: {there}")

    def create(self):
        made = self.make()
        held = self.sim.host(name="web-1")
        equal((str(made["id"]), str(made["region"]), str(made["plan"])), (held["id"], held["region"], "vc2-1c-1gb"))
        equal((str(made["status"]), str(made["main_ip"])), ("pending", "0.0.0.0"))
        equal([str(tag) for tag in made["tags"]], ["managed-by:oracle"])
        holds(str(made["default_password"]), "there is no password")
        user_data_arrived(held)

    def get(self):
        api = self.of()
        id = str(self.make(api=api)["id"])
        self.sim.boot()
        found, held = self.find(id, api), self.sim.host(id=id)
        equal((str(found["status"]), str(found["server_status"]), str(found["power_status"])), ("active", "ok", "running"))
        equal((str(found["main_ip"]), str(found["label"])), (held["ip"], held["name"]))

    def list_pages(self):
        api = self.of()
        for name in names(5):
            self.make(name, api=api)
        found, count, cursor = [], 0, ""
        while True:
            query = {"per_page": 2} | ({"cursor": cursor} if cursor else {})
            answer = api.list_instances(query_params=query).body
            found += [str(instance["id"]) for instance in answer["instances"]]
            equal(int(answer["meta"]["total"]), 5)
            count, cursor = count + 1, str(answer["meta"]["links"]["next"])
            if not cursor:
                break
        equal((count, sorted(found)), (3, sorted(host["id"] for host in self.sim.hosts())))

    def filter(self):
        api = self.of()
        self.make("a", api=api, tags=["team-a"])
        self.make("b", api=api, tags=["team-b"])
        by = lambda **query: [str(found["label"]) for found in api.list_instances(query_params=query).body["instances"]]
        equal((by(tag="team-b"), by(label="a"), by(region="lhr"), by(region="ewr")), (["b"], ["a"], ["a", "b"], []))

    def firewall(self):
        api, groups = self.of(), self.of(FirewallApi)
        made = groups.create_firewall_group(body={"description": "web"}).body["firewall_group"]
        held, id = self.sim.inventory("firewall")[0], str(made["id"])
        equal((id, str(made["description"])), (held["id"], held["name"]))
        instance = self.make(api=api, firewall_group_id=id)
        self.sim.boot()
        equal(str(self.find(instance["id"], api)["firewall_group_id"]), id)
        path = {"firewall-group-id": id}
        equal(int(groups.get_firewall_group(path_params=path).body["firewall_group"]["instance_count"]), 1)
        api.delete_instance(path_params={"instance-id": str(instance["id"])})
        self.sim.gone()
        equal(groups.delete_firewall_group(path_params=path).response.status, 204)
        equal(self.sim.inventory("firewall"), [])

    def delete(self):
        api = self.of()
        id = str(self.make(api=api)["id"])
        self.sim.boot()
        equal(api.delete_instance(path_params={"instance-id": id}).response.status, 204)
        self.sim.gone()
        self.sim.nothing_bills()
        self.refused(404, "", self.find, id)

    def refused(self, status, text, call, *arguments, **named):
        problem = raises(vultr.ApiException, call, *arguments, **named)
        equal(problem.status, status)
        body = json.loads(problem.body)
        equal(body["status"], status, "status in the body")
        holds(text in body["error"], f"expected `{text}` in {body}")

    def unauthorized(self):
        self.refused(401, "Invalid API token", self.of(token="wrong").list_instances)

    def read_only(self):
        api = self.of(token="sim-token-vultr-readonly")
        equal(len(api.list_instances().body["instances"]), 0)
        self.refused(403, "", self.make, api=api)

    def not_found(self):
        self.refused(404, "", self.find, "11111111-1111-4111-8111-111111111111")

    def invalid(self):
        self.refused(400, "Invalid region", self.make, region="xyz")
        self.refused(400, "Invalid plan", self.make, plan="vc0-none")
        self.refused(400, "", self.make, os_id=1)

    def sold_out(self):
        self.sim.fault("sold_out")
        self.refused(400, "not available in the selected region", self.make)

    def quota(self):
        self.sim.fault("quota")
        self.refused(400, "maximum number", self.make)

    def rate_limited(self):
        self.sim.fault("rate_limited")
        self.refused(429, "Rate limit", self.of().list_instances)

    def server_error(self):
        self.sim.fault("server_error", status=500)
        self.refused(500, "", self.of().list_instances)

    def lost_answer(self):
        self.sim.fault("reset_after", method="POST", times=1)
        raises(urllib3.exceptions.ProtocolError, self.make)
        self.sim.host(name="web-1")
