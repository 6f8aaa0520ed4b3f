"""Azure: `azure-identity` and `azure-mgmt-*`. By their real host names, as a token service has no place for a path prefix."""

import base64
import json
import pathlib

from azure.core.exceptions import (
    ClientAuthenticationError,
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceResponseError,
)
from azure.identity import ClientSecretCredential
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource.deployments import DeploymentsMgmtClient
from azure.mgmt.resource.resources import ResourceManagementClient

from kit import USER_DATA, Oracle, at_home, equal, holds, names, raises, user_data_arrived

READER = "b71d40c8-95ea-4f36-8d02-c6e3a8f1579b"
TEMPLATE = json.loads(pathlib.Path(__file__).with_name("azure_template.json").read_text())


class Sdk(Oracle):
    name = "azure-mgmt"
    cloud = "azure"
    tls = True

    def credential(self, **more):
        settings = self.sim.settings
        keys = {"tenant_id": settings["tenant-id"], "client_id": settings["client-id"], "client_secret": settings["client-secret"]}
        authority = at_home(self.sim, "login.microsoftonline.com")
        return ClientSecretCredential(**(keys | more), authority=authority, disable_instance_discovery=True)

    def of(self, kind, retries=0, credential=None, subscription=None):
        return kind(
            credential or self.credential(),
            subscription or self.sim.settings["subscription-id"],
            base_url=at_home(self.sim, "management.azure.com"),
            credential_scopes=["https://management.azure.com/.default"],
            retry_total=retries,
            retry_backoff_factor=0.01,
            polling_interval=0.05,
        )

    def group(self, name="web-1", tags=None, **more):
        group = {"location": "eastus", "tags": tags or {"managed-by": "oracle"}}
        return self.of(ResourceManagementClient, **more).resource_groups.create_or_update(name, group)

    def deploy(self, name="web-1", size="Standard_B1s", **more):
        values = {"name": name, "size": size, "password": "correct-Horse-7-battery"}
        values["customData"] = base64.b64encode(USER_DATA.encode()).decode()
        parameters = {key: {"value": value} for key, value in values.items()}
        properties = {"mode": "Incremental", "template": TEMPLATE, "parameters": parameters}
        deployments = self.of(DeploymentsMgmtClient, **more).deployments
        return deployments.begin_create_or_update(name, name, {"properties": properties})

    def make(self, name="web-1"):
        self.group(name)
        poller = self.deploy(name)
        self.sim.boot()
        return poller.result()

    def catalog(self):
        compute = self.of(ComputeManagementClient)
        sizes = {size.name: size for size in compute.virtual_machine_sizes.list("eastus")}
        equal((sizes["Standard_B1s"].number_of_cores, sizes["Standard_B1s"].memory_in_mb), (1, 1024))
        skus = {sku.name: sku for sku in compute.resource_skus.list(filter="location eq 'eastus'")}
        equal(skus["Standard_B1s"].resource_type, "virtualMachines")
        versions = compute.virtual_machine_images.list("eastus", "Canonical", "ubuntu-24_04-lts", "server", top=1)
        holds(versions and versions[0].location == "eastus", f"versions {versions}")

    def create(self):
        group = self.group()
        equal((group.name, group.location, group.tags), ("web-1", "eastus", {"managed-by": "oracle"}))
        equal(group.properties.provisioning_state, "Succeeded")
        poller = self.deploy()
        holds(not poller.done(), "the deployment is done at once")
        self.sim.boot()
        made = poller.result()
        held = self.sim.host(name="web-1")
        equal((made.name, made.properties.provisioning_state), ("web-1", "Succeeded"))
        equal(made.properties.outputs["publicIP"]["value"], held["ip"])
        holds(held["id"] in [part.id for part in made.properties.output_resources], "the machine is not in the outputs")
        user_data_arrived(held)

    def get(self):
        self.make()
        machine = self.of(ComputeManagementClient).virtual_machines.get("web-1", "web-1", expand="instanceView")
        held = self.sim.host(name="web-1")
        equal((machine.id, machine.location, machine.tags), (held["id"], held["region"], {"managed-by": "oracle"}))
        equal((machine.provisioning_state, machine.hardware_profile.vm_size), ("Succeeded", "Standard_B1s"))
        holds("PowerState/running" in [status.code for status in machine.instance_view.statuses], "it does not run")
        equal(self.of(NetworkManagementClient).public_ip_addresses.get("web-1", "web-1-ip").ip_address, held["ip"])

    def list_pages(self):
        client = self.of(ResourceManagementClient)
        for name in names(5):
            client.resource_groups.create_or_update(name, {"location": "eastus"})
        pages = [list(page) for page in client.resource_groups.list(top=2).by_page()]
        found = [group.name for page in pages for group in page]
        equal((len(pages), sorted(found)), (3, sorted(item["name"] for item in self.sim.inventory("resource-group"))))

    def filter(self):
        self.group("a", tags={"team": "a"})
        self.group("b", tags={"team": "b"})
        groups = self.of(ResourceManagementClient).resource_groups
        by = lambda text: [group.name for group in groups.list(filter=text)]
        equal((by("tagName eq 'team' and tagValue eq 'b'"), by("tagName eq 'team'"), by("tagName eq 'x'")), (["b"], ["a", "b"], []))
        self.make("web-1")
        equal([machine.name for machine in self.of(ComputeManagementClient).virtual_machines.list_all()], ["web-1"])

    def firewall(self):
        self.make()
        groups = self.of(NetworkManagementClient).network_security_groups
        found, held = groups.get("web-1", "web-1-nsg"), self.sim.inventory("firewall")[0]
        equal((found.id, found.name, found.location), (held["id"], held["name"], held["region"]))
        rule = found.security_rules[0]
        equal((rule.name, rule.priority, rule.access, rule.destination_port_range), ("https", 100, "Allow", "443"))
        equal([group.name for group in groups.list_all()], ["web-1-nsg"])
        nic = self.of(NetworkManagementClient).network_interfaces.get("web-1", "web-1-nic")
        equal(nic.network_security_group.id, found.id)
        self.of(ResourceManagementClient).resource_groups.begin_delete("web-1", polling=False)
        self.sim.gone()
        equal(self.sim.inventory("firewall"), [])

    def delete(self):
        self.make()
        groups = self.of(ResourceManagementClient).resource_groups
        poller = groups.begin_delete("web-1")
        equal(groups.get("web-1").properties.provisioning_state, "Deleting")
        self.sim.gone()
        equal(poller.result(), None)
        equal(self.sim.inventory(), [])
        holds(not groups.check_existence("web-1"), "the group exists")

    def refused(self, status, code, call, *arguments, kind=HttpResponseError, **named):
        problem = raises(kind, call, *arguments, **named)
        equal((problem.status_code, problem.error.code if problem.error else None), (status, code))
        return problem

    def list_groups(self, **more):
        return list(self.of(ResourceManagementClient, **more).resource_groups.list())

    def unauthorized(self):
        # As the token service says it.
        for wrong, said in (
            ({"client_secret": "wrong"}, "AADSTS7000215"),
            ({"client_id": "11111111-1111-4111-8111-111111111111"}, "AADSTS700016"),
        ):
            problem = raises(ClientAuthenticationError, self.list_groups, credential=self.credential(**wrong))
            holds(said in str(problem), str(problem))
        # As the Resource Manager says it.
        self.sim.fault("unauthorized", path="resourcegroups")
        self.refused(401, "InvalidAuthenticationToken", self.list_groups, kind=ClientAuthenticationError)

    def read_only(self):
        credential = self.credential(client_id=READER)
        equal(self.list_groups(credential=credential), [])
        self.refused(403, "AuthorizationFailed", self.group, credential=credential)

    def not_found(self):
        groups = self.of(ResourceManagementClient).resource_groups
        self.refused(404, "ResourceGroupNotFound", groups.get, "none", kind=ResourceNotFoundError)
        self.group()
        machines = self.of(ComputeManagementClient).virtual_machines
        self.refused(404, "ResourceNotFound", machines.get, "web-1", "none", kind=ResourceNotFoundError)
        deployments = self.of(DeploymentsMgmtClient).deployments
        self.refused(404, "DeploymentNotFound", deployments.get, "web-1", "none", kind=ResourceNotFoundError)
        other = "11111111-1111-4111-8111-111111111111"
        self.refused(404, "SubscriptionNotFound", self.list_groups, subscription=other, kind=ResourceNotFoundError)

    def invalid(self):
        groups = self.of(ResourceManagementClient).resource_groups
        self.refused(400, "LocationNotAvailableForResourceGroup", groups.create_or_update, "a", {"location": "nowhere"})
        self.group()
        deployments = self.of(DeploymentsMgmtClient).deployments
        bad = {"properties": {"mode": "Incremental", "template": {"resources": 1}}}
        self.refused(400, "InvalidTemplate", deployments.begin_create_or_update, "web-1", "bad", bad)

    def conflict(self):
        self.group()
        first = self.deploy()
        self.refused(409, "DeploymentActive", self.deploy, kind=ResourceExistsError)
        self.sim.boot()
        first.result()
        self.of(ResourceManagementClient).resource_groups.begin_delete("web-1", polling=False)
        self.refused(409, "ResourceGroupBeingDeleted", self.group, kind=ResourceExistsError)

    def sold_out(self):
        self.group()
        self.sim.fault("sold_out")
        problem = raises(HttpResponseError, lambda: self.deploy().result())
        holds("SkuNotAvailable" in str(problem), str(problem))

    def quota(self):
        self.group()
        self.sim.fault("quota")
        problem = self.refused(400, "InvalidTemplateDeployment", self.deploy)
        equal(problem.error.details[0].code, "QuotaExceeded")

    def rate_limited(self):
        self.sim.fault("rate_limited", path="resourcegroups", times=1, retry_after=1)
        problem = self.refused(429, "SubscriptionRequestsThrottled", self.list_groups)
        equal(problem.response.headers["retry-after"], "1")
        # The SDK waits as long as it is told, and tries again.
        self.sim.fault("rate_limited", path="resourcegroups", times=1, retry_after=1)
        equal(self.list_groups(retries=1), [])

    def server_error(self):
        self.sim.fault("server_error", status=500, path="resourcegroups")
        self.refused(500, "InternalServerError", self.list_groups)

    def lost_answer(self):
        self.group()
        self.sim.fault("reset_after", method="PUT", path="deployments", times=1)
        raises(ServiceResponseError, self.deploy)
        self.sim.host(name="web-1")
