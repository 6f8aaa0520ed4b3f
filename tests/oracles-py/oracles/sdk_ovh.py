"""OVHcloud: `ovh`. It signs requests and knows no types: answers are what the JSON holds."""

import ovh
import ovh.client

from kit import USER_DATA, Oracle, equal, holds, names, raises, user_data_arrived


class Sdk(Oracle):
    name = "ovh"
    cloud = "ovh"
    skips = {
        "firewall": "the cloud has none for hosts",
        "list_pages": "the API has no pages: a list is one answer, whatever its length",
        "conflict": "names need not be unique; a second delete is the only conflict, and the API's answer to it is not proven",
    }

    def client(self, **more):
        settings = self.sim.settings
        ovh.client.ENDPOINTS["ovh-eu"] = self.sim.url
        keys = {name: settings[name.replace("_", "-")] for name in ("application_key", "application_secret", "consumer_key")}
        return ovh.Client(endpoint="ovh-eu", **(keys | more))

    @property
    def project(self):
        return f"/cloud/project/{self.sim.settings['project']}"

    def make(self, name="web-1", client=None, region="GRA11", **more):
        client = client or self.client()
        flavors = client.get(f"{self.project}/flavor", region=region)
        images = client.get(f"{self.project}/image", region=region, osType="linux")
        order = {
            "name": name,
            "region": region,
            "flavorId": [flavor["id"] for flavor in flavors if (flavor["name"], flavor["osType"]) == ("d2-2", "linux")][0],
            "imageId": [image["id"] for image in images if image["name"] == "Ubuntu 24.04"][0],
            "userData": USER_DATA,
        }
        return client.post(f"{self.project}/instance", **(order | more))

    def catalog(self):
        client = self.client()
        equal(client.get("/cloud/project"), [self.sim.settings["project"]])
        holds("GRA11" in client.get(f"{self.project}/region"), "there is no region GRA11")
        flavor = [found for found in client.get(f"{self.project}/flavor", region="GRA11") if found["name"] == "d2-2"][0]
        equal((flavor["region"], flavor["osType"], flavor["available"]), ("GRA11", "linux", True))
        images = client.get(f"{self.project}/image", region="GRA11", osType="linux")
        holds("Ubuntu 24.04" in [image["name"] for image in images], "there is no Ubuntu 24.04")
        prices = client.get("/order/catalog/public/cloud", _need_auth=False, ovhSubsidiary="IE")
        holds(prices["addons"], "the price list is empty")

    def create(self):
        made = self.make()
        held = self.sim.host(name="web-1")
        equal((made["id"], made["region"], made["status"]), (held["id"], held["region"], "BUILD"))
        equal((made["flavor"]["name"], made["image"]["name"]), ("d2-2", "Ubuntu 24.04"))
        # Non-ASCII goes out escaped, and is signed that way.
        user_data_arrived(held)

    def get(self):
        client = self.client()
        id = self.make(client=client)["id"]
        self.sim.boot()
        found = client.get(f"{self.project}/instance/{id}")
        held = self.sim.host(id=id)
        public = [address["ip"] for address in found["ipAddresses"] if address["version"] == 4]
        equal((found["status"], public, found["name"]), ("ACTIVE", [held["ip"]], held["name"]))

    def filter(self):
        client = self.client()
        self.make("a", client=client)
        self.make("b", client=client, region="UK1")
        everything = client.get(f"{self.project}/instance")
        equal({found["id"] for found in everything}, {host["id"] for host in self.sim.hosts()})
        equal([found["name"] for found in client.get(f"{self.project}/instance", region="UK1")], ["b"])

    def delete(self):
        client = self.client()
        id = self.make(client=client)["id"]
        self.sim.boot()
        equal(client.delete(f"{self.project}/instance/{id}"), None)
        self.sim.gone()
        self.sim.nothing_bills()
        # Remembered for a while as DELETED, or gone.
        try:
            equal(client.get(f"{self.project}/instance/{id}")["status"], "DELETED")
        except ovh.ResourceNotFoundError:
            pass

    def unauthorized(self):
        raises(ovh.InvalidCredential, self.client(consumer_key="x" * 32).get, "/me")
        raises(ovh.InvalidKey, self.client(application_key="x" * 16).get, "/me")
        problem = raises(ovh.APIError, self.client(application_secret="x" * 32).get, "/me")
        holds("signature" in str(problem).lower(), str(problem))
        raises(ovh.NotCredential, self.client(consumer_key="simPendingKey00123456789abcdefgh").get, "/me")

    def read_only(self):
        client = self.client(consumer_key="simReadOnlyKey0123456789abcdefgh")
        equal(client.get(f"{self.project}/instance"), [])
        raises(ovh.NotGrantedCall, self.make, client=client)

    def not_found(self):
        id = "00000000-0000-4000-8000-000000000000"
        problem = raises(ovh.ResourceNotFoundError, self.client().get, f"{self.project}/instance/{id}")
        holds(problem.query_id, "the answer has no query id")
        raises(ovh.ResourceNotFoundError, self.client().get, f"/cloud/project/{'0' * 32}/instance")

    def invalid(self):
        raises(ovh.BadParametersError, self.make, imageId="nonsense")
        raises(ovh.BadParametersError, self.make, surprise=True)
        raises(ovh.BadParametersError, self.make, "not a name")

    def sold_out(self):
        self.sim.fault("sold_out")
        raises(ovh.BadParametersError, self.make)

    def quota(self):
        self.sim.fault("quota")
        problem = raises(ovh.APIError, self.make)
        equal(problem.response.status_code, 403)
        holds("Quota" in str(problem), str(problem))

    def rate_limited(self):
        client = self.client()
        client.get("/me")
        self.sim.fault("rate_limited")
        problem = raises(ovh.APIError, client.get, "/me")
        equal(problem.response.status_code, 429)

    def server_error(self):
        client = self.client()
        client.get("/me")
        self.sim.fault("server_error", status=500)
        problem = raises(ovh.APIError, client.get, "/me")
        equal(problem.response.status_code, 500)

    def lost_answer(self):
        self.sim.fault("reset_after", method="POST", times=1)
        raises(ovh.HTTPError, self.make)
        self.sim.host(name="web-1")
