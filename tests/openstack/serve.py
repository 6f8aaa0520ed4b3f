"""serve.py SERVICE PORT: one OpenStack API under waitress. Nova brings its conductor, scheduler and compute with it."""

import importlib
import os
import sys

service, port = sys.argv[1], int(sys.argv[2])
sys.argv = [service]


def nova():
    os.environ["OS_NOVA_CONFIG_DIR"] = os.environ["OS_KEYSTONE_CONFIG_DIR"].rsplit("/", 1)[0] + "/nova"
    from nova.wsgi import osapi_compute  # parses the configuration and builds the application

    import nova.conf
    import os_brick
    import os_vif
    from nova import context, service as nova_service
    from nova.compute import rpcapi as compute
    from nova.conductor import rpcapi as conductor
    from nova.objects import host_mapping
    from nova.scheduler import rpcapi as scheduler
    from oslo_privsep import priv_context  # noqa: F401, or compute does not start

    os_brick.setup(nova.conf.CONF)
    os_vif.initialize()
    for binary, topic, other in (
        ("nova-conductor", conductor.RPC_TOPIC, None),
        ("nova-scheduler", scheduler.RPC_TOPIC, None),
        ("nova-compute", compute.RPC_TOPIC, getattr(compute, "RPC_TOPIC_ALT", None)),
    ):
        nova_service.Service.create(binary=binary, topic=topic, topic_alt=other).start()
    # What `nova-manage cell_v2 discover_hosts` does.
    host_mapping.discover_hosts(context.get_admin_context())
    return osapi_compute.application


def other():
    if service == "neutron":
        import oslo_service.backend as backend

        backend.init_backend(backend.BackendType.THREADING)
    modules = {"keystone": "keystone.wsgi.api", "glance": "glance.wsgi.api", "placement": "placement.wsgi.api",
               "neutron": "neutron.wsgi.api"}
    return importlib.import_module(modules[service]).application


application = nova() if service == "nova" else other()
import waitress  # noqa: E402

waitress.serve(application, host="127.0.0.1", port=port, threads=8, _quiet=True)
