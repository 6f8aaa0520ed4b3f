"""DigitalOcean: `pydo`. It refuses to send a token over plain http."""

import pydo
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ServiceResponseError

from kit import USER_DATA, Oracle, equal, holds, names, raises, user_data_arrived


class Sdk(Oracle):
    name = "pydo"
    cloud = "digitalocean"
    tls = True
    skips = {"conflict": "names need not be unique, and a droplet can be deleted in every state"}

    def client(self, token=None, retries=0):
        return pydo.Client(token or self.sim.settings["token"], endpoint=self.sim.url, retry_total=retries, retry_backoff_factor=0.01)

    def make(self, name="web-1", client=None, **more):
        order = {"name": name, "region": "lon1", "size": "s-1vcpu-1gb", "image": "ubuntu-24-04-x64"}
        order |= {"tags": ["managed-by:oracle"], "user_data": USER_DATA}
        return (client or self.client()).droplets.create(body=order | more)

    def catalog(self):
        client = self.client()
        sizes = {size["slug"]: size for size in client.sizes.list(per_page=200)["sizes"]}
        size = sizes["s-1vcpu-1gb"]
        equal((size["memory"], size["vcpus"], size["price_monthly"]), (1024, 1, 6.0))
        images = client.images.list(type="distribution", per_page=200)["images"]
        holds("ubuntu-24-04-x64" in [image["slug"] for image in images], "there is no Ubuntu 24.04")
        regions = client.regions.list()["regions"]
        holds({"slug": "lon1", "available": True}.items() <= {**[r for r in regions if r["slug"] == "lon1"][0]}.items(), "lon1")

    def create(self):
        made = self.make()
        droplet, held = made["droplet"], self.sim.host(name="web-1")
        equal((str(droplet["id"]), droplet["region"]["slug"]), (held["id"], held["region"]))
        equal((droplet["status"], droplet["networks"]["v4"], droplet["size_slug"]), ("new", [], "s-1vcpu-1gb"))
        equal((droplet["tags"], droplet["image"]["slug"]), (["managed-by:oracle"], "ubuntu-24-04-x64"))
        equal(made["links"]["actions"][0]["rel"], "create")
        user_data_arrived(held)

    def get(self):
        client = self.client()
        made = self.make(client=client)
        self.sim.boot()
        equal(client.actions.get(made["links"]["actions"][0]["id"])["action"]["status"], "completed")
        droplet = client.droplets.get(made["droplet"]["id"])["droplet"]
        held = self.sim.host(id=str(droplet["id"]))
        public = [net["ip_address"] for net in droplet["networks"]["v4"] if net["type"] == "public"]
        equal((droplet["status"], public, droplet["name"]), ("active", [held["ip"]], held["name"]))

    def list_pages(self):
        client = self.client()
        for name in names(5):
            self.make(name, client=client)
        found, page = [], 1
        while True:
            answer = client.droplets.list(per_page=2, page=page)
            found += [str(droplet["id"]) for droplet in answer["droplets"]]
            equal(answer["meta"]["total"], 5)
            if "next" not in answer["links"].get("pages", {}):
                break
            page += 1
        equal((page, sorted(found)), (3, sorted(host["id"] for host in self.sim.hosts())))

    def filter(self):
        client = self.client()
        self.make("a", client=client, tags=["team:a"])
        self.make("b", client=client, tags=["team:b"])
        equal([droplet["name"] for droplet in client.droplets.list(tag_name="team:b")["droplets"]], ["b"])
        equal([droplet["name"] for droplet in client.droplets.list(name="a")["droplets"]], ["a"])

    def firewall(self):
        client = self.client()
        rules = [{"protocol": "tcp", "ports": "443", "sources": {"addresses": ["0.0.0.0/0", "::/0"]}}]
        anywhere = {"addresses": ["0.0.0.0/0", "::/0"]}
        out = [{"protocol": kind, "ports": "all", "destinations": anywhere} for kind in ("tcp", "udp")]
        order = {"name": "web", "inbound_rules": rules, "outbound_rules": out, "tags": ["managed-by:oracle"]}
        made = client.firewalls.create(body=order)["firewall"]
        held = self.sim.inventory("firewall")[0]
        equal((made["id"], made["name"], made["tags"]), (held["id"], held["name"], ["managed-by:oracle"]))
        equal((made["inbound_rules"][0]["ports"], made["outbound_rules"][0]["ports"]), ("443", "0"))
        self.refused(409, "conflict", client.firewalls.create, body=order)
        id = self.make(client=client)["droplet"]["id"]
        self.sim.boot()
        equal(client.firewalls.assign_droplets(made["id"], body={"droplet_ids": [id]}), None)
        equal(client.firewalls.get(made["id"])["firewall"]["droplet_ids"], [id])
        equal([found["id"] for found in client.firewalls.list()["firewalls"]], [made["id"]])
        client.droplets.destroy(id)
        self.sim.gone()
        equal(client.firewalls.delete(made["id"]), None)
        equal(self.sim.inventory("firewall"), [])

    def delete(self):
        client = self.client()
        id = self.make(client=client)["droplet"]["id"]
        self.sim.boot()
        equal(client.droplets.destroy(id), None)
        self.sim.gone()
        self.sim.nothing_bills()
        # The SDK returns the error of a 404.
        equal(client.droplets.get(id)["id"], "not_found")

    def refused(self, status, id, call, *arguments, **named):
        problem = raises(HttpResponseError, call, *arguments, **named)
        equal((problem.status_code, problem.response.json()["id"]), (status, id))
        return problem

    def unauthorized(self):
        problem = self.refused(401, "unauthorized", self.client("wrong").droplets.list)
        holds(isinstance(problem, ClientAuthenticationError), f"a {type(problem).__name__}")

    def read_only(self):
        client = self.client("sim-token-digitalocean-readonly")
        equal(client.droplets.list()["droplets"], [])
        self.refused(403, "forbidden", self.make, client=client)

    def not_found(self):
        client = self.client()
        answer = client.droplets.get(4711)
        equal(answer["id"], "not_found")
        equal(client.droplets.destroy(4711)["id"], "not_found")

    def invalid(self):
        self.refused(422, "unprocessable_entity", self.make, "not a name")
        self.refused(422, "unprocessable_entity", self.make, image="ubuntu-1")
        problem = self.refused(422, "unprocessable_entity", self.make, region="xyz1")
        holds("region" in problem.response.json()["message"], problem.response.json()["message"])

    def sold_out(self):
        self.sim.fault("sold_out")
        self.refused(422, "unprocessable_entity", self.make)

    def quota(self):
        self.sim.fault("quota")
        problem = self.refused(422, "unprocessable_entity", self.make)
        holds("droplet limit" in problem.response.json()["message"], problem.response.json()["message"])

    def rate_limited(self):
        self.sim.fault("rate_limited", times=2, retry_after=1)
        problem = self.refused(429, "too_many_requests", self.client().droplets.list)
        equal(problem.response.headers["retry-after"], "1")
        equal(self.client(retries=1).droplets.list()["droplets"], [])

    def server_error(self):
        self.sim.fault("server_error", status=500)
        self.refused(500, "server_error", self.client().droplets.list)

    def lost_answer(self):
        self.sim.fault("reset_after", method="POST", times=1)
        raises(ServiceResponseError, self.make)
        self.sim.host(name="web-1")
