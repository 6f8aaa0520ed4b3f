"""Packet, later Equinix Metal: `equinix-metal`. It checks answers against the vendor's OpenAPI description."""

import json

import equinix_metal as metal
import urllib3
from equinix_metal import exceptions

from kit import USER_DATA, Oracle, equal, holds, names, raises, user_data_arrived


class Sdk(Oracle):
    name = "equinix-metal"
    cloud = "packet"
    skips = {"firewall": "the cloud has none for hosts"}

    def of(self, kind=metal.DevicesApi, token=None):
        configuration = metal.Configuration(host=self.sim.url)
        configuration.api_key["x_auth_token"] = token or self.sim.settings["token"]
        configuration.retries = False
        return kind(metal.ApiClient(configuration))

    @property
    def project(self):
        return self.sim.settings["project"]

    def make(self, name="web-1", api=None, **more):
        order = {"hostname": name, "plan": "c3.small.x86", "metro": "da", "operating_system": "ubuntu_24_04"}
        order |= {"userdata": USER_DATA, "tags": ["managed-by:oracle"]}
        order = metal.CreateDeviceRequest(metal.DeviceCreateInMetroInput(**(order | more)))
        return (api or self.of()).create_device(self.project, order)

    def catalog(self):
        plans = {plan.slug: plan for plan in self.of(metal.PlansApi).find_plans().plans}
        equal((plans["c3.small.x86"].specs.memory.total, plans["c3.small.x86"].legacy), ("32GB", False))
        holds(plans["c3.small.x86"].pricing["hour"] > 0, f"pricing {plans['c3.small.x86'].pricing}")
        systems = {found.slug: found for found in self.of(metal.OperatingSystemsApi).find_operating_systems().operating_systems}
        equal(systems["ubuntu_24_04"].distro, "ubuntu")
        holds("c3.small.x86" in systems["ubuntu_24_04"].provisionable_on, "Ubuntu does not run on c3.small.x86")
        metros = {metro.code: metro for metro in self.of(metal.MetrosApi).find_metros().metros}
        equal(metros["da"].country, "US")
        equal(self.of(metal.ProjectsApi).find_projects().projects[0].id, self.project)

    def create(self):
        made = self.make()
        held = self.sim.host(name="web-1")
        equal((made.id, made.metro.code, made.state), (held["id"], held["region"], "queued"))
        equal((made.plan.slug, made.operating_system.slug, made.tags), ("c3.small.x86", "ubuntu_24_04", ["managed-by:oracle"]))
        equal(made.ip_addresses, [])
        holds(made.root_password, "there is no password")
        user_data_arrived(held)

    def get(self):
        api = self.of()
        id = self.make(api=api).id
        self.sim.boot()
        found, held = api.find_device_by_id(id), self.sim.host(id=id)
        public = [ip.address for ip in found.ip_addresses if ip.public and ip.address_family == 4]
        equal((found.state, public, found.hostname), ("active", [held["ip"]], held["name"]))
        holds(found.created_at.year >= 2026, f"created {found.created_at}")

    def list_pages(self):
        api = self.of()
        for name in names(5):
            self.make(name, api=api)
        found, page = [], 1
        while True:
            answer = api.find_project_devices(self.project, page=page, per_page=2)
            found += [device.id for device in answer.devices]
            equal((answer.meta.total, answer.meta.current_page, answer.meta.last_page), (5, page, 3))
            if not answer.meta.next:
                break
            page += 1
        equal((page, sorted(found)), (3, sorted(host["id"] for host in self.sim.hosts())))

    def filter(self):
        api = self.of()
        self.make("a", api=api, tags=["team:a"])
        self.make("b", api=api, tags=["team:b"])
        by = lambda **query: [device.hostname for device in api.find_project_devices(self.project, **query).devices]
        equal((by(tag="team:b"), by(hostname="a"), by(metro="da"), by(metro="am"), by(search="team:a")), (["b"], ["a"], ["a", "b"], [], ["a"]))

    def delete(self):
        api = self.of()
        id = self.make(api=api).id
        self.sim.boot()
        equal(api.delete_device(id, force_delete=True), None)
        self.sim.gone()
        self.sim.nothing_bills()
        self.refused(metal.ApiException, (403, 404), "", api.find_device_by_id, id)

    def refused(self, kind, statuses, text, call, *arguments, **named):
        problem = raises(kind, call, *arguments, **named)
        holds(problem.status in statuses, f"status {problem.status}")
        body = json.loads(problem.body)
        said = [body["error"]] if "error" in body else body["errors"]
        holds(any(text in found for found in said), f"expected `{text}` in {body}")

    def unauthorized(self):
        self.refused(exceptions.UnauthorizedException, (401,), "", self.of(token="wrong").find_project_devices, self.project)

    def read_only(self):
        api = self.of(token="sim-token-packet-readonly")
        equal(api.find_project_devices(self.project).devices, [])
        self.refused(exceptions.ForbiddenException, (403,), "not authorized", self.make, api=api)

    def not_found(self):
        id = "11111111-1111-4111-8111-111111111111"
        self.refused(exceptions.NotFoundException, (404,), "Not found", self.of().find_device_by_id, id)
        self.refused(exceptions.NotFoundException, (404,), "Not found", self.of().find_project_devices, id)

    def invalid(self):
        self.refused(metal.ApiException, (422,), "Hostname", self.make, "not a name")
        self.refused(metal.ApiException, (422,), "Plan", self.make, plan="x0.none")
        self.refused(metal.ApiException, (422,), "Metro", self.make, metro="xx")

    def conflict(self):
        api = self.of()
        id = self.make(api=api, locked=True).id
        self.sim.boot()
        self.refused(metal.ApiException, (403, 409, 422), "", api.delete_device, id)
        equal(len(self.sim.hosts()), 1)

    def sold_out(self):
        self.sim.fault("sold_out")
        self.refused(metal.ApiException, (422,), "available servers", self.make)

    def quota(self):
        self.sim.fault("quota")
        self.refused(metal.ApiException, (422,), "limit", self.make)

    def rate_limited(self):
        self.sim.fault("rate_limited")
        self.refused(metal.ApiException, (429,), "Too many", self.of().find_project_devices, self.project)

    def server_error(self):
        self.sim.fault("server_error", status=500)
        self.refused(exceptions.ServiceException, (500,), "", self.of().find_project_devices, self.project)

    def lost_answer(self):
        self.sim.fault("reset_after", method="POST", times=1)
        raises(urllib3.exceptions.ProtocolError, self.make)
        self.sim.host(name="web-1")
