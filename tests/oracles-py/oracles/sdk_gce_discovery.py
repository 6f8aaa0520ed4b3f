"""Google Compute Engine: `google-api-python-client`, from the discovery document. It fetches a token first."""

import json

from google.auth.exceptions import RefreshError
from google.oauth2.credentials import Credentials
from google.oauth2.service_account import Credentials as ServiceAccount
from googleapiclient import discovery
from googleapiclient.errors import HttpError

from kit import Oracle, equal, holds, names, raises, user_data_arrived

from . import gce
from .gce import PROJECT, ZONE

COMPUTE = "https://www.googleapis.com/auth/compute"


class Sdk(Oracle):
    name = "gce-discovery"
    cloud = "gce"
    _service = None

    def service(self, credentials=None):
        if credentials is None and self._service:
            return self._service
        own = ServiceAccount.from_service_account_info(gce.key(self.sim), scopes=[COMPUTE])
        service = discovery.build(
            "compute",
            "v1",
            credentials=credentials or own,
            # The path has to be in it.
            client_options={"api_endpoint": f"{self.sim.url}/compute/v1/"},
            static_discovery=True,
            cache_discovery=False,
        )
        if credentials is None:
            self._service = service
        return service

    def make(self, name="web-1", service=None, **more):
        call = (service or self.service()).instances().insert(project=PROJECT, zone=ZONE, body=gce.order(name, **more))
        return call.execute()

    def find(self, name="web-1"):
        return self.service().instances().get(project=PROJECT, zone=ZONE, instance=name).execute()

    def operation(self, operation):
        return self.service().zoneOperations().get(project=PROJECT, zone=ZONE, operation=operation["name"]).execute()

    def catalog(self):
        service = self.service()
        kind = service.machineTypes().get(project=PROJECT, zone=ZONE, machineType="e2-micro").execute()
        equal((kind["kind"], kind["guestCpus"], kind["memoryMb"]), ("compute#machineType", 2, 1024))
        image = service.images().getFromFamily(project=gce.IMAGES, family=gce.FAMILY).execute()
        equal((image["kind"], image["family"], image["status"]), ("compute#image", gce.FAMILY, "READY"))
        zones = service.zones().list(project=PROJECT).execute()["items"]
        holds(ZONE in [zone["name"] for zone in zones], f"there is no {ZONE}")

    def create(self):
        operation = self.make()
        equal((operation["kind"], operation["operationType"]), ("compute#operation", "insert"))
        found, held = self.find(), self.sim.host(name="web-1")
        equal((found["id"], found["zone"].split("/")[-1], operation["targetId"]), (held["id"], held["region"], found["id"]))
        equal((found["status"], found["labels"]), ("PROVISIONING", {"managed-by": "oracle"}))
        user_data_arrived(held)

    def get(self):
        operation = self.make()
        self.sim.boot()
        equal(self.operation(operation)["status"], "DONE")
        found, held = self.find(), self.sim.host(name="web-1")
        equal((found["status"], found["networkInterfaces"][0]["accessConfigs"][0]["natIP"]), ("RUNNING", held["ip"]))

    def list_pages(self):
        service = self.service()
        for name in names(5):
            self.make(name, service=service)
        found, count = [], 0
        request = service.instances().list(project=PROJECT, zone=ZONE, maxResults=2)
        while request is not None:
            answer = request.execute()
            found += [instance["id"] for instance in answer["items"]]
            count += 1
            request = service.instances().list_next(request, answer)
        equal((count, sorted(found)), (3, sorted(host["id"] for host in self.sim.hosts())))

    def filter(self):
        service = self.service()
        self.make("a", labels={"team": "a"})
        self.make("b", labels={"team": "b"})
        answer = service.instances().list(project=PROJECT, zone=ZONE, filter="labels.team = b").execute()
        equal([found["name"] for found in answer["items"]], ["b"])
        # Nothing found: there are no `items`.
        equal(service.instances().list(project=PROJECT, zone=ZONE, filter="name = c").execute().get("items"), None)

    def firewall(self):
        firewalls = self.service().firewalls()
        rule = {"name": "web", "network": "global/networks/default", "sourceRanges": ["0.0.0.0/0"], "targetTags": ["oracle"]}
        rule["allowed"] = [{"IPProtocol": "tcp", "ports": ["443"]}]
        equal(firewalls.insert(project=PROJECT, body=rule).execute()["kind"], "compute#operation")
        self.sim.boot()
        found, held = firewalls.get(project=PROJECT, firewall="web").execute(), self.sim.inventory("firewall")[0]
        equal((found["id"], found["name"], found["allowed"]), (held["id"], held["name"], rule["allowed"]))
        self.refused(409, "alreadyExists", firewalls.insert(project=PROJECT, body=rule).execute)
        firewalls.delete(project=PROJECT, firewall="web").execute()
        self.sim.boot()
        equal(self.sim.inventory("firewall"), [])

    def delete(self):
        self.make()
        self.sim.boot()
        operation = self.service().instances().delete(project=PROJECT, zone=ZONE, instance="web-1").execute()
        self.sim.gone()
        equal(self.operation(operation)["status"], "DONE")
        self.sim.nothing_bills()
        self.refused(404, "notFound", self.find)

    def refused(self, status, reason, call, *arguments, **named):
        problem = raises(HttpError, call, *arguments, **named)
        body = json.loads(problem.content)["error"]
        equal((problem.status_code, body["code"], body["errors"][0]["reason"]), (status, status, reason))
        return problem

    def list_all(self, credentials):
        return self.service(credentials).instances().list(project=PROJECT, zone=ZONE).execute().get("items", [])

    def unauthorized(self):
        # With a ready token the SDK would try to renew it, which it cannot.
        raises(RefreshError, self.list_all, Credentials("wrong"))
        key = gce.key(self.sim) | {"client_email": "other@sim-project.iam.gserviceaccount.com"}
        problem = raises(RefreshError, self.list_all, ServiceAccount.from_service_account_info(key, scopes=[COMPUTE]))
        equal(problem.args[1]["error"], "invalid_grant")
        key = gce.key(self.sim)
        problem = raises(RefreshError, self.list_all, ServiceAccount.from_service_account_info(key, scopes=["https://example.com/none"]))
        equal(problem.args[1]["error"], "invalid_scope")

    def read_only(self):
        read = ServiceAccount.from_service_account_info(gce.key(self.sim), scopes=[f"{COMPUTE}.readonly"])
        equal(self.list_all(read), [])
        self.refused(403, "insufficientPermissions", self.make, service=self.service(read))

    def not_found(self):
        self.refused(404, "notFound", self.find, "none")

    def invalid(self):
        self.refused(400, "invalid", self.make, "Not-A-Name")
        self.refused(400, "invalid", self.make, plan="e0-none")

    def conflict(self):
        self.make()
        self.refused(409, "alreadyExists", self.make)

    def failed(self, fault, code):
        self.sim.fault(fault)
        operation = self.make()
        self.sim.boot()
        equal([error["code"] for error in self.operation(operation)["error"]["errors"]], [code])
        equal(self.sim.hosts(), [])

    def sold_out(self):
        self.failed("sold_out", "ZONE_RESOURCE_POOL_EXHAUSTED")

    def quota(self):
        self.failed("quota", "QUOTA_EXCEEDED")

    def rate_limited(self):
        self.service()
        self.sim.fault("rate_limited", path="instances", times=2)
        self.refused(403, "rateLimitExceeded", self.find)
        # Asked to, the SDK sees from the reason that it may try again.
        answer = self.service().instances().list(project=PROJECT, zone=ZONE).execute(num_retries=1)
        equal(answer.get("items"), None)

    def server_error(self):
        self.find_error(503, "backendError")
        self.find_error(500, "internalError")

    def find_error(self, status, reason):
        self.sim.fault("server_error", status=status, path="instances", times=1)
        self.refused(status, reason, self.find)

    def lost_answer(self):
        self.sim.fault("reset_after", method="POST", path="instances", times=1)
        # Below the SDK, httplib2 sends the insert again on a new connection: a name that is taken is no answer to rely on.
        self.refused(409, "alreadyExists", self.make)
        self.sim.host(name="web-1")
