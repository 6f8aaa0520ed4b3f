"""A real OpenStack control plane on loopback: `lab.py up STATE VENV` and `lab.py down STATE`; `cargo xtask openstack` runs it.

Keystone, Glance, Placement and Neutron under waitress; Nova's API, conductor, scheduler and compute share one process, so that the
in-memory transport reaches all of them and no message broker is needed. The compute driver is Nova's own fake: servers boot at once,
take up memory and disk, and run nothing. `plug/` binds every port at once. The database is MariaDB with a data folder of its own, on a
socket only: SQLite locks up when two servers are created at once.
"""

import os
import pathlib
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PORTS = {"keystone": 15000, "nova": 18774, "placement": 18778, "glance": 19292, "neutron": 19696}
PASSWORD = "lab-secret"
DEADLINE = 600


def say(text):
    print(f"{time.time() - say.start:6.1f} s  {text}", flush=True)


say.start = time.time()


class Lab:
    def __init__(self, state, venv):
        self.state, self.bin = pathlib.Path(state).resolve(), pathlib.Path(venv).resolve() / "bin"
        self.environment = dict(
            os.environ,
            PYTHONPATH=str(HERE / "plug"),
            PYTHONDONTWRITEBYTECODE="1",
            OS_KEYSTONE_CONFIG_DIR=str(self.state / "keystone"),
            OS_KEYSTONE_CONFIG_FILES=str(self.state / "keystone/keystone.conf"),
            OS_GLANCE_CONFIG_DIR=str(self.state / "glance"),
            OS_PLACEMENT_CONFIG_DIR=str(self.state / "placement"),
            OS_NEUTRON_CONFIG_DIR=str(self.state / "neutron"),
            OS_NEUTRON_CONFIG_FILES="neutron.conf",
            OS_CLIENT_CONFIG_FILE=str(self.state / "clouds.yaml"),
        )

    def run(self, log, *command):
        with open(self.state / "logs" / f"{log}.log", "ab") as out:
            done = subprocess.run(list(map(str, command)), stdout=out, stderr=out, env=self.environment)
        if done.returncode:
            raise SystemExit(f"{command[0]} failed, see {out.name}")

    def start(self, name, *command):
        out = open(self.state / "logs" / f"{name}.out", "wb")
        process = subprocess.Popen(
            list(map(str, command)), stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=self.environment,
            start_new_session=True,
        )
        (self.state / f"{name}.pid").write_text(str(process.pid))
        return process

    def python(self, log, *command):
        self.run(log, self.bin / "python", *command)

    def configure(self):
        self.python("setup", HERE / "setup.py", self.state, self.bin.parent)

    def database(self):
        data, socket = self.state / "mysql", self.state / "my.sock"
        self.run("mysql-install", "mariadb-install-db", "--no-defaults", "--auth-root-authentication-method=normal",
                 "--skip-test-db", f"--datadir={data}", *user())
        self.start("mysql", "mariadbd", "--no-defaults", f"--datadir={data}", f"--socket={socket}", "--skip-networking",
                   "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M",
                   "--performance-schema=OFF", "--max-connections=400", *user())
        self.python("mysql-databases", HERE / "seed.py", "databases", socket)
        say("MariaDB runs")

    def schemas(self):
        keystone = [self.bin / "keystone-manage", "--config-file", self.state / "keystone/keystone.conf"]
        nova = [self.bin / "nova-manage", "--config-file", self.state / "nova/nova.conf"]
        who = ["--keystone-user", whoami(), "--keystone-group", group()]
        url = f"http://127.0.0.1:{PORTS['keystone']}/v3"
        cell0 = f"mysql+pymysql://root@localhost/nova_cell0?unix_socket={self.state}/my.sock&charset=utf8mb4"
        chains = {
            "keystone": [
                [*keystone, "db_sync"],
                [*keystone, "fernet_setup", *who],
                [*keystone, "credential_setup", *who],
                # Without the internal URL the services do not find Keystone.
                [*keystone, "bootstrap", "--bootstrap-password", PASSWORD, "--bootstrap-public-url", url,
                 "--bootstrap-internal-url", url, "--bootstrap-region-id", "RegionOne"],
            ],
            "glance": [[self.bin / "glance-manage", "--config-file", self.state / "glance/glance-api.conf", "db_sync"]],
            "placement": [
                [self.bin / "placement-manage", "--config-file", self.state / "placement/placement.conf", "db", "sync"]
            ],
            # The newest schema at once instead of two hundred migrations.
            "neutron": [[self.bin / "python", HERE / "seed.py", "neutron", self.state / "my.sock"]],
            "nova": [
                [*nova, "api_db", "sync"],
                [*nova, "cell_v2", "map_cell0", "--database_connection", cell0],
                [*nova, "db", "sync"],
                [*nova, "cell_v2", "create_cell", "--name", "cell1", "--verbose"],
            ],
        }
        side_by_side = [self.start_chain(name, chain) for name, chain in chains.items()]
        for name, process in side_by_side:
            if process.wait():
                raise SystemExit(f"the database of {name} could not be made, see {self.state}/logs/{name}-schema.log")
        say("databases are made")

    def start_chain(self, name, chain):
        script = " && ".join(" ".join(quoted(word) for word in command) for command in chain)
        out = open(self.state / "logs" / f"{name}-schema.log", "wb")
        return name, subprocess.Popen(["/bin/sh", "-c", script], stdout=out, stderr=out, env=self.environment)

    def services(self):
        running = {}
        for name in ("keystone", "glance", "placement", "neutron"):
            running[name] = self.start(name, self.bin / "python", HERE / "serve.py", name, PORTS[name])
        self.answers("keystone", running["keystone"])
        self.python("seed", HERE / "seed.py", "identity")
        for name in ("glance", "placement", "neutron"):
            self.answers(name, running[name])
        nova = self.start("nova", self.bin / "python", HERE / "serve.py", "nova", PORTS["nova"])
        self.python("seed", HERE / "seed.py", "resources")
        self.answers("nova", nova)
        self.python("seed", HERE / "seed.py", "flavors")
        say("ready")

    def answers(self, name, process):
        until = time.time() + DEADLINE
        while time.time() < until:
            if process.poll() is not None:
                raise SystemExit(f"{name} ended, see {self.state}/logs/{name}.out")
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{PORTS[name]}/", timeout=30)
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.2)
        else:
            raise SystemExit(f"{name} does not answer")
        say(f"{name} answers")


def quoted(word):
    return "'" + str(word).replace("'", "'\\''") + "'"


def whoami():
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name


def group():
    import grp

    return grp.getgrgid(os.getgid()).gr_name


def user():
    return ["--user=root"] if os.getuid() == 0 else []


def up(state, venv):
    lab = Lab(state, venv)
    down(state)
    subprocess.run(["rm", "-rf", str(lab.state)], check=True)
    (lab.state / "logs").mkdir(parents=True)
    lab.configure()
    lab.database()
    lab.schemas()
    lab.services()


def down(state):
    """Ends the processes that `up` started, and no others."""
    files = sorted(pathlib.Path(state).glob("*.pid"), key=lambda file: file.name == "mysql.pid")
    for file in files:
        pid = int(file.read_text())
        for sign, wait in ((signal.SIGTERM, 100), (signal.SIGKILL, 20)):
            try:
                # Of our own, started here: a number that was given to another program since has another folder in its arguments.
                line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
                if str(HERE) not in line and str(pathlib.Path(state).resolve()) not in line:
                    break
                os.kill(pid, sign)
            except (FileNotFoundError, ProcessLookupError):
                break
            for _ in range(wait):
                if not pathlib.Path(f"/proc/{pid}").exists():
                    break
                time.sleep(0.1)
        file.unlink()


if __name__ == "__main__":
    {"up": up, "down": down}[sys.argv[1]](*sys.argv[2:])
