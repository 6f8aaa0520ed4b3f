"""setup.py STATE VENV: the configuration of every service, and the clouds.yaml of whoever uses them."""
import pathlib
import sys
import textwrap
D = pathlib.Path(sys.argv[1]).resolve(); V = pathlib.Path(sys.argv[2]).resolve()   # state dir, venv
E = V / "etc"
P = dict(keystone=15000, nova=18774, glance=19292, neutron=19696, placement=18778)
PW = "lab-secret"
for d in ("keystone", "nova", "glance", "neutron", "placement", "images", "locks", "logs", "nova-state"):
    (D / d).mkdir(parents=True, exist_ok=True)
def w(name, text): (D / name).write_text(textwrap.dedent(text))
SOCK = f"{D}/my.sock"
db = lambda n: f"mysql+pymysql://root@localhost/{n}?unix_socket={SOCK}&charset=utf8mb4"
AUTH = lambda user, group="keystone_authtoken": f"""
[{group}]
www_authenticate_uri = http://127.0.0.1:{P['keystone']}/v3
auth_url = http://127.0.0.1:{P['keystone']}/v3
auth_type = password
project_domain_name = Default
user_domain_name = Default
project_name = service
username = {user}
password = {PW}
region_name = RegionOne
"""
TOK = "service_token_roles_required = true\n"
w("keystone/keystone.conf", f"""\
[DEFAULT]
log_file = {D}/logs/keystone.log
[database]
connection = {db('keystone')}
[token]
provider = fernet
[fernet_tokens]
key_repository = {D}/keystone/fernet
[fernet_receipts]
key_repository = {D}/keystone/fernet
[credential]
key_repository = {D}/keystone/credential
[identity]
password_hash_rounds = 4
""")
w("glance/glance-api.conf", f"""\
[DEFAULT]
log_file = {D}/logs/glance.log
enabled_backends = file:file
transport_url = fake://
[database]
connection = {db('glance')}
[glance_store]
default_backend = file
[file]
filesystem_store_datadir = {D}/images
[os_glance_staging_store]
filesystem_store_datadir = {D}/glance/staging
[os_glance_tasks_store]
filesystem_store_datadir = {D}/glance/tasks
[paste_deploy]
flavor = keystone
config_file = {E}/glance/glance-api-paste.ini
[oslo_concurrency]
lock_path = {D}/locks
""" + AUTH("glance") + TOK)
w("placement/placement.conf", f"""\
[DEFAULT]
log_file = {D}/logs/placement.log
[api]
auth_strategy = keystone
[placement_database]
connection = {db('placement')}
""" + AUTH("placement") + TOK)
w("neutron/neutron.conf", f"""\
[DEFAULT]
log_file = {D}/logs/neutron.log
state_path = {D}/neutron
core_plugin = ml2
service_plugins = router
auth_strategy = keystone
transport_url = fake://
api_paste_config = {E}/neutron/api-paste.ini
notify_nova_on_port_status_changes = true
notify_nova_on_port_data_changes = true
[database]
connection = {db('neutron')}
[oslo_concurrency]
lock_path = {D}/locks
[ml2]
type_drivers = local,flat
tenant_network_types = local
mechanism_drivers = lab
extension_drivers = port_security
[ml2_type_flat]
flat_networks = public
[securitygroup]
enable_security_group = true
""" + AUTH("neutron") + TOK + AUTH("neutron", "nova"))
(D / "nova/api-paste.ini").write_text((E / "nova/api-paste.ini").read_text())
w("nova/nova.conf", f"""\
[DEFAULT]
log_file = {D}/logs/nova.log
host = lab
transport_url = fake://
state_path = {D}/nova-state
compute_driver = fake.SmallFakeDriver
report_interval = 10
service_down_time = 60
periodic_fuzzy_delay = 0
[api]
auth_strategy = keystone
[api_database]
connection = {db('nova_api')}
[database]
connection = {db('nova')}
[oslo_concurrency]
lock_path = {D}/locks
[glance]
endpoint_override = http://127.0.0.1:{P['glance']}
region_name = RegionOne
[scheduler]
workers = 1
[conductor]
workers = 1
[vnc]
enabled = false
[spice]
enabled = false
[compute]
[workarounds]
""" + AUTH("nova") + TOK + AUTH("nova", "service_user") + "send_service_user_token = true\n"
  + AUTH("placement", "placement") + AUTH("neutron", "neutron"))
w("clouds.yaml", f"""\
clouds:
  admin:
    auth: {{auth_url: "http://127.0.0.1:{P['keystone']}/v3", username: admin, password: {PW}, project_name: admin, user_domain_name: Default, project_domain_name: Default}}
    region_name: RegionOne
  demo:
    auth: {{auth_url: "http://127.0.0.1:{P['keystone']}/v3", username: demo, password: {PW}, project_name: demo, user_domain_name: Default, project_domain_name: Default}}
    region_name: RegionOne
""")
