"""What the lab holds: `seed.py databases|neutron SOCKET`, and `seed.py identity|resources|flavors` over the services' own APIs."""

import sys
import time

PASSWORD = "lab-secret"
DATABASES = ("keystone", "glance", "placement", "neutron", "nova_api", "nova", "nova_cell0")


def databases(socket):
    import pymysql

    for _ in range(300):
        try:
            connection = pymysql.connect(unix_socket=socket, user="root")
            break
        except pymysql.err.OperationalError:
            time.sleep(0.2)
    for name in DATABASES:
        connection.cursor().execute(f"create database {name} charset utf8mb3")


def neutron(socket):
    import sqlalchemy
    from neutron.db.migration.models import head

    url = f"mysql+pymysql://root@localhost/neutron?unix_socket={socket}&charset=utf8mb4"
    head.get_metadata().create_all(sqlalchemy.create_engine(url))


def cloud():
    import openstack

    return openstack.connect(cloud="admin")


def identity():
    admin = cloud().identity
    services = admin.create_project(name="service", domain_id="default")
    demo = admin.create_project(name="demo", domain_id="default")
    roles = {role.name: role for role in admin.roles()}
    if "service" not in roles:
        roles["service"] = admin.create_role(name="service")

    def user(name, project, *wanted):
        made = admin.create_user(
            name=name, password=PASSWORD, domain_id="default", default_project_id=project.id
        )
        for role in wanted:
            admin.assign_project_role_to_user(project, made, roles[role])

    for name in ("nova", "glance", "neutron", "placement"):
        user(name, services, "admin", "service")
    user("demo", demo, "member", "reader")
    for name, kind, url in (
        ("nova", "compute", "http://127.0.0.1:18774/v2.1"),
        ("glance", "image", "http://127.0.0.1:19292"),
        ("neutron", "network", "http://127.0.0.1:19696"),
        ("placement", "placement", "http://127.0.0.1:18778"),
    ):
        service = admin.create_service(name=name, type=kind)
        admin.create_endpoint(service_id=service.id, interface="public", url=url, region_id="RegionOne")


def resources():
    """An external network that is not shared, and an own one behind a router: hosts get floating IPs."""
    admin = cloud()
    network = admin.network
    public = network.create_network(
        name="public", is_router_external=True, provider_network_type="flat", provider_physical_network="public"
    )
    network.create_subnet(
        network_id=public.id, ip_version=4, cidr="203.0.113.0/24", is_dhcp_enabled=False, name="public4"
    )
    demo = admin.identity.find_project("demo")
    private = network.create_network(name="private", project_id=demo.id)
    subnet = network.create_subnet(
        network_id=private.id, ip_version=4, cidr="10.9.0.0/24", name="private4", project_id=demo.id
    )
    router = network.create_router(
        name="r", external_gateway_info={"network_id": public.id}, project_id=demo.id
    )
    network.add_interface_to_router(router, subnet_id=subnet.id)
    for name, distro, version in (("Ubuntu 24.04", "ubuntu", "24.04"), ("Debian 13", "debian", "13")):
        admin.image.create_image(
            name=name, container_format="bare", disk_format="raw", data=b"\0" * 1024, visibility="public", wait=True,
            validate_checksum=False, os_distro=distro, os_version=version,
        )


def flavors():
    """The fake driver has two processors, 8 GB of memory and a terabyte of disk. On `huge` nothing fits."""
    admin = cloud()
    for name, memory, disk in (
        ("m1.tiny", 256, 1), ("m1.small", 1000, 20), ("m1.medium", 2000, 40), ("huge", 9_999_999, 20)
    ):
        admin.compute.create_flavor(name=name, ram=memory, vcpus=1, disk=disk)
    demo = admin.identity.find_project("demo")
    limits = {"quota_set": {"ram": -1, "cores": -1, "instances": 20}}
    admin.compute.put(f"/os-quota-sets/{demo.id}", json=limits)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
