"""Google Compute Engine: `google-cloud-compute`. It signs its tokens itself."""

import json
import uuid

from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.auth.exceptions import RefreshError
from google.cloud import compute_v1 as compute
from google.oauth2.credentials import Credentials
from google.oauth2.service_account import Credentials as ServiceAccount
from requests.exceptions import ConnectionError as Disconnected

from kit import Oracle, equal, holds, names, raises, user_data_arrived

from . import gce
from .gce import PROJECT, ZONE


class Sdk(Oracle):
    name = "gce-compute"
    cloud = "gce"

    def of(self, kind=compute.InstancesClient, credentials=None):
        if credentials is None:
            credentials = ServiceAccount.from_service_account_info(gce.key(self.sim))
        return kind(credentials=credentials, client_options=ClientOptions(api_endpoint=self.sim.url))

    def make(self, name="web-1", client=None, request_id=None, **more):
        instance = compute.Instance.from_json(json.dumps(gce.order(name, **more)), ignore_unknown_fields=False)
        request = compute.InsertInstanceRequest(project=PROJECT, zone=ZONE, instance_resource=instance)
        if request_id:
            request.request_id = request_id
        return (client or self.of()).insert_unary(request=request, retry=None)

    def operation(self, operation):
        client = self.of(compute.ZoneOperationsClient)
        return client.get(project=PROJECT, zone=ZONE, operation=operation.name)

    def find(self, name="web-1"):
        return self.of().get(project=PROJECT, zone=ZONE, instance=name, retry=None)

    def catalog(self):
        kind = self.of(compute.MachineTypesClient).get(project=PROJECT, zone=ZONE, machine_type="e2-micro")
        equal((kind.guest_cpus, kind.memory_mb), (2, 1024))
        image = self.of(compute.ImagesClient).get_from_family(project=gce.IMAGES, family=gce.FAMILY)
        equal((image.family, image.status, image.architecture), (gce.FAMILY, "READY", "X86_64"))
        holds(ZONE in [zone.name for zone in self.of(compute.ZonesClient).list(project=PROJECT)], f"there is no {ZONE}")

    def create(self):
        operation = self.make()
        equal((operation.operation_type, operation.target_link.split("/")[-1]), ("insert", "web-1"))
        holds(operation.status != compute.Operation.Status.DONE, f"operation {operation.status}")
        found, held = self.find(), self.sim.host(name="web-1")
        equal((str(found.id), found.zone.split("/")[-1], operation.target_id), (held["id"], held["region"], found.id))
        equal((found.status, dict(found.labels), list(found.tags.items)), ("PROVISIONING", {"managed-by": "oracle"}, ["oracle"]))
        user_data_arrived(held)

    def get(self):
        operation = self.make()
        self.sim.boot()
        equal(self.operation(operation).status, compute.Operation.Status.DONE)
        found, held = self.find(), self.sim.host(name="web-1")
        equal((found.status, found.network_interfaces[0].access_configs[0].nat_i_p), ("RUNNING", held["ip"]))
        equal((found.machine_type.split("/")[-1], found.disks[0].auto_delete), ("e2-micro", True))

    def list_pages(self):
        client = self.of()
        for name in names(5):
            self.make(name, client=client)
        pages = list(client.list(request={"project": PROJECT, "zone": ZONE, "max_results": 2}).pages)
        found = [str(instance.id) for page in pages for instance in page.items]
        equal((len(pages), sorted(found)), (3, sorted(host["id"] for host in self.sim.hosts())))
        everywhere = client.aggregated_list(request={"project": PROJECT, "max_results": 2})
        found = [str(instance.id) for _, scoped in everywhere for instance in scoped.instances]
        equal(sorted(found), sorted(host["id"] for host in self.sim.hosts()), "aggregated list")

    def filter(self):
        client = self.of()
        self.make("a", client=client, labels={"team": "a"})
        self.make("b", client=client, labels={"team": "b"})
        by = lambda text: [found.name for found in client.list(request={"project": PROJECT, "zone": ZONE, "filter": text})]
        equal((by("labels.team=b"), by('name = "a"'), by("labels.team:*"), by("status=TERMINATED")), (["b"], ["a"], ["a", "b"], []))

    def firewall(self):
        client = self.of(compute.FirewallsClient)
        rule = compute.Firewall(
            name="web",
            network="global/networks/default",
            allowed=[compute.Allowed(I_p_protocol="tcp", ports=["443", "8000-8100"])],
            source_ranges=["0.0.0.0/0"],
            target_tags=["oracle"],
        )
        operation = client.insert_unary(project=PROJECT, firewall_resource=rule)
        self.sim.boot()
        operation = self.of(compute.GlobalOperationsClient).get(project=PROJECT, operation=operation.name)
        equal((operation.status, operation.target_link.split("/")[-1]), (compute.Operation.Status.DONE, "web"))
        found, held = client.get(project=PROJECT, firewall="web"), self.sim.inventory("firewall")[0]
        equal((str(found.id), found.name, found.direction), (held["id"], held["name"], "INGRESS"))
        equal((list(found.allowed[0].ports), list(found.target_tags)), (["443", "8000-8100"], ["oracle"]))
        equal([rule.name for rule in client.list(project=PROJECT)], ["web"])
        client.patch_unary(project=PROJECT, firewall="web", firewall_resource=compute.Firewall(source_ranges=["192.0.2.0/24"]))
        self.sim.boot()
        found = client.get(project=PROJECT, firewall="web")
        equal((list(found.source_ranges), list(found.allowed[0].ports)), (["192.0.2.0/24"], ["443", "8000-8100"]))
        client.delete_unary(project=PROJECT, firewall="web")
        self.sim.boot()
        equal(self.sim.inventory("firewall"), [])

    def delete(self):
        client = self.of()
        self.make(client=client)
        self.sim.boot()
        operation = client.delete_unary(project=PROJECT, zone=ZONE, instance="web-1")
        equal(operation.operation_type, "delete")
        self.sim.gone()
        equal(self.operation(operation).status, compute.Operation.Status.DONE)
        self.sim.nothing_bills()
        raises(exceptions.NotFound, self.find)

    def list_all(self, credentials):
        return list(self.of(credentials=credentials).list(project=PROJECT, zone=ZONE, retry=None))

    def unauthorized(self):
        # The SDK takes it for a token that has run out, and this one cannot be renewed.
        raises(RefreshError, self.list_all, Credentials("wrong"))
        other = gce.key(self.sim) | {"client_email": "other@sim-project.iam.gserviceaccount.com"}
        raises(exceptions.Unauthorized, self.list_all, ServiceAccount.from_service_account_info(other))

    def read_only(self):
        token = Credentials("sim-token-gce-readonly")
        equal(self.list_all(token), [])
        raises(exceptions.Forbidden, self.make, client=self.of(credentials=token))

    def not_found(self):
        problem = raises(exceptions.NotFound, self.find, "none")
        holds(f"projects/{PROJECT}/zones/{ZONE}/instances/none" in problem.message, problem.message)
        raises(exceptions.NotFound, self.of().delete_unary, project=PROJECT, zone=ZONE, instance="none")

    def invalid(self):
        problem = raises(exceptions.BadRequest, self.make, "Not-A-Name")
        holds("resource.name" in problem.message, problem.message)
        equal(problem.errors[0]["reason"], "invalid")
        raises(exceptions.BadRequest, self.make, plan="e0-none")

    def conflict(self):
        id = str(uuid.uuid4())
        first = self.make(request_id=id)
        equal(self.make(request_id=id).name, first.name)
        problem = raises(exceptions.Conflict, self.make)
        equal(problem.errors[0]["reason"], "alreadyExists")
        equal(len(self.sim.hosts()), 1)

    def failed(self, fault, code):
        """The create is accepted; its operation fails."""
        self.sim.fault(fault)
        operation = self.make()
        self.sim.boot()
        operation = self.operation(operation)
        equal(operation.status, compute.Operation.Status.DONE)
        equal([error.code for error in operation.error.errors], [code])
        equal(self.sim.hosts(), [])
        return operation

    def sold_out(self):
        equal(self.failed("sold_out", "ZONE_RESOURCE_POOL_EXHAUSTED").http_error_status_code, 503)

    def quota(self):
        equal(self.failed("quota", "QUOTA_EXCEEDED").http_error_status_code, 403)

    def rate_limited(self):
        self.sim.fault("rate_limited")
        problem = raises(exceptions.Forbidden, self.find)
        equal(problem.errors[0]["reason"], "rateLimitExceeded")

    def server_error(self):
        self.sim.fault("server_error", status=503, times=2)
        raises(exceptions.ServiceUnavailable, self.find)
        # The SDK knows that a list may be sent again.
        equal(list(self.of().list(project=PROJECT, zone=ZONE)), [])
        self.sim.fault("server_error", status=500)
        raises(exceptions.InternalServerError, self.find)

    def lost_answer(self):
        self.sim.fault("reset_after", method="POST", path="instances", times=1)
        raises(Disconnected, self.make)
        self.sim.host(name="web-1")
