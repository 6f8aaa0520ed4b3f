"""One module per SDK. `ALL` is the order of the table's columns."""

ALL = (
    "sdk_pydo",
    "sdk_hcloud",
    "sdk_linode",
    "sdk_vultr",
    "sdk_civo",
    "sdk_scaleway",
    "sdk_equinix",
    "sdk_ovh",
    "sdk_boto3",
    "sdk_gce",
    "sdk_gce_discovery",
    "sdk_azure",
)
