"""What both of Google's clients need: the order of an instance, and the simulated account's key."""

import json

from kit import USER_DATA

ZONE = "europe-west1-b"
PROJECT = "sim-project"
IMAGES = "ubuntu-os-cloud"
FAMILY = "ubuntu-2404-lts-amd64"


def key(sim):
    """The service account's key file, with the simulator as the place where tokens come from."""
    return json.loads(sim.settings["service-account"]) | {"token_uri": f"{sim.url}/token"}


def order(name, labels=None, plan="e2-micro"):
    """An instance in the JSON of the API."""
    return {
        "name": name,
        "machineType": f"zones/{ZONE}/machineTypes/{plan}",
        "labels": {"managed-by": "oracle"} if labels is None else labels,
        "tags": {"items": ["oracle"]},
        "metadata": {"items": [{"key": "user-data", "value": USER_DATA}]},
        "disks": [{"boot": True, "autoDelete": True, "initializeParams": {"sourceImage": f"projects/{IMAGES}/global/images/family/{FAMILY}"}}],
        "networkInterfaces": [{"network": "global/networks/default", "accessConfigs": [{"type": "ONE_TO_ONE_NAT", "name": "External NAT"}]}],
    }
