"""Civo: `civo`, which nobody maintains any more. It sends all fields in the query, and returns errors as it returns answers."""

import contextlib
import os

import requests

from kit import USER_DATA, Oracle, equal, holds, names, raises, user_data_arrived

REGION = "LON1"


class Sdk(Oracle):
    name = "civo"
    cloud = "civo"
    skips = {
        "conflict": "names need not be unique, and what a busy instance refuses is not proven",
        "firewall": "the SDK is older than networks: it cannot say which one a firewall is for, which the API requires",
    }

    def client(self, token=None):
        from civo import Civo

        # Its parameter for it breaks the SDK.
        os.environ["CIVO_API"] = self.sim.url
        # With a region the SDK makes malformed URLs; it says on standard error that there is none.
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            return Civo(token or self.sim.settings["token"])

    def image(self):
        # The SDK knows only the templates that were before disk images.
        client = self.client()
        images = requests.get(f"{self.sim.url}/v2/disk_images", params={"region": REGION}, headers=client.headers).json()
        return [image["id"] for image in images if image["name"] == "ubuntu-noble"][0]

    def make(self, name="web-1", client=None, **more):
        order = {"hostname": name, "size": "g3.xsmall", "region": REGION, "script": USER_DATA, "tags": "managed-by:oracle x"}
        order["template_id"] = more.pop("template_id", None) or self.image()
        return (client or self.client()).instances.create(**(order | more))

    def catalog(self):
        client = self.client()
        size = client.size.search(filter="name:g3.xsmall")[0]
        equal((size["ram_mb"], size["cpu_cores"], size["type"]), (1024, 1, "Instance"))
        region = client.regions.search(filter=f"code:{REGION}")[0]
        equal((region["country"], region["out_of_capacity"]), ("gb", False))
        holds(client.networks.search()[0]["default"], "there is no default network")

    def create(self):
        made = self.make()
        held = self.sim.host(name="web-1")
        equal((made["id"], made["region"], made["status"]), (held["id"], held["region"], "BUILDING"))
        equal((made["size"], made["tags"]), ("g3.xsmall", ["managed-by:oracle", "x"]))
        holds(made["initial_password"], "there is no password, though there is no key")
        user_data_arrived(held)

    def get(self):
        client = self.client()
        id = self.make(client=client)["id"]
        self.sim.boot()
        found, held = client.instances.retrieving(id), self.sim.host(id=id)
        equal((found["status"], found["public_ip"], found["hostname"]), ("ACTIVE", held["ip"], held["name"]))

    def list_pages(self):
        client, image = self.client(), self.image()
        for name in names(5):
            self.make(name, client=client, template_id=image)
        found, page = [], 1
        while True:
            answer = client.instances.search(page=page, per_page=2)
            found += [instance["id"] for instance in answer["items"]]
            equal((answer["page"], answer["per_page"], answer["pages"]), (page, 2, 3))
            page += 1
            if page > answer["pages"]:
                break
        equal(sorted(found), sorted(host["id"] for host in self.sim.hosts()))

    def filter(self):
        client = self.client()
        self.make("a", client=client, tags="team:a x")
        self.make("b", client=client, tags="team:b x")
        by = lambda tags: [found["hostname"] for found in client.instances.search(tags=tags)["items"]]
        equal((by("team:b"), by("x"), by("team:a x"), by("team:a team:b")), (["b"], ["a", "b"], ["a"], []))
        equal([found["tags"] for found in client.instances.search(filter="hostname:a")], [["team:a", "x"]])

    def delete(self):
        client = self.client()
        id = self.make(client=client)["id"]
        self.sim.boot()
        equal(client.instances.delete(id)["result"], "success")
        self.sim.gone()
        self.sim.nothing_bills()
        self.refused(404, "database_instance_find", client.instances.retrieving(id))

    def refused(self, status, code, answer):
        equal((answer.get("code"), answer.get("result")), (code, "failed"))
        holds(answer["reason"], f"no reason: {answer}")
        equal(self.sim.requests()[-1]["status"], status)

    def unauthorized(self):
        # Seen with 404 for keys that are not known.
        self.refused(404, "database_account_not_found", self.client("wrong").instances.search())

    def read_only(self):
        client = self.client("sim-token-civo-readonly")
        equal(client.instances.search()["items"], [])
        self.refused(403, "authentication_access_denied", self.make(client=client))

    def not_found(self):
        id = "11111111-1111-4111-8111-111111111111"
        self.refused(404, "database_instance_find", self.client().instances.retrieving(id))
        self.refused(404, "database_instance_find", self.client().instances.delete(id))

    def invalid(self):
        self.refused(400, "parameter_name_invalid", self.make("not a name"))
        self.refused(404, "database_size_not_found", self.make(size="g0.none"))
        self.refused(400, "region_unavailable", self.make(region="XYZ1"))
        self.refused(404, "database_disk_image_not_found", self.make(template_id="none"))

    def sold_out(self):
        self.sim.fault("sold_out")
        self.refused(503, "out_of_capacity", self.make())

    def quota(self):
        self.sim.fault("quota")
        self.refused(409, "quota_limit_reached", self.make())

    def rate_limited(self):
        self.sim.fault("rate_limited")
        # The SDK knows of no limit, and takes every answer for JSON.
        raises(requests.exceptions.JSONDecodeError, self.client().instances.search)
        equal(self.sim.requests()[-1]["status"], 429)

    def server_error(self):
        self.sim.fault("server_error", status=500)
        equal(self.client().instances.search(), {"status": 500, "error": "Internal Server Error"})

    def lost_answer(self):
        image = self.image()
        self.sim.fault("reset_after", method="POST", times=1)
        raises(requests.exceptions.ConnectionError, self.make, template_id=image)
        self.sim.host(name="web-1")
