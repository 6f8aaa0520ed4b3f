//! Runs the binary in a folder of its own: no user's configuration, no credentials, clouds that are empty at first.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// The longest that anything here may take, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(60);

/// Long enough to see a host that is not active yet, short enough for all clouds.
const BOOT_TIME: &str = "500ms";

/// A folder with the simulated clouds' state in it, and nothing else in the environment.
pub(crate) struct Sandbox {
    folder: TempDir,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file with a text, as an argument.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.path(name), text).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_provision"));
        command
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.path())
            .env("PROVISION_SIM_BOOT_TIME", BOOT_TIME)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs a command as it stands.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::from(self.command(arguments).output().unwrap())
    }

    /// Runs a command on this sandbox's simulated clouds.
    pub(crate) fn sim(&self, arguments: &[&str]) -> Run {
        let state = self.path("sim.json");
        self.run(&[&["--sim", "--sim-state", state.to_str().unwrap()], arguments].concat())
    }

    /// A configuration with every cloud of a server, as an argument.
    pub(crate) fn config(&self, server: &Server, clouds: &[&str]) -> String {
        let mut text = String::new();
        for cloud in clouds {
            text.push_str(&format!(
                "[provider.{cloud}]\nendpoint = \"{}\"\n",
                server.endpoint(cloud)
            ));
            for (name, value) in simulated(cloud).settings {
                // A literal string: some keys are JSON over several lines.
                text.push_str(&format!("{name} = '''{value}'''\n"));
            }
        }
        self.file("config.toml", &text)
    }

    /// Runs a command with stdin, stdout and stderr on a terminal of so many columns; `input` is typed into it.
    #[cfg(unix)]
    pub(crate) fn on_terminal(&self, columns: u16, input: &str, arguments: &[&str]) -> Run {
        self.on_terminal_with(columns, input, &[("TERM", "xterm")], arguments)
    }

    /// As `on_terminal`, with an environment.
    #[cfg(unix)]
    pub(crate) fn on_terminal_with(
        &self,
        columns: u16,
        input: &str,
        environment: &[(&str, &str)],
        arguments: &[&str],
    ) -> Run {
        let mut command = self.command(arguments);
        command.envs(environment.iter().copied());
        let mut terminal = Terminal::spawn(columns, command);
        terminal.type_in(input);
        terminal.finish()
    }

    /// Starts a command whose output is read while it runs.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        Running::new(self.command(arguments).spawn().unwrap())
    }

    /// Serves simulated clouds; `options` are those of `sim serve`.
    pub(crate) fn serve(&self, options: &[&str]) -> Server {
        let mut running = self.start(&[&["sim", "serve"], options].concat());
        let base_url = running.stdout_line();
        Server {
            running: Some(running),
            base_url,
        }
    }

    /// Runs a line that was printed for a shell.
    pub(crate) fn shell(&self, line: &str) -> Run {
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_provision"));
        let usual = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(binary.parent().unwrap().to_owned()).chain(std::env::split_paths(&usual));
        let mut shell = Command::new("sh");
        shell
            .args(["-c", line])
            .env("HOME", self.folder.path())
            .env("PROVISION_SIM_BOOT_TIME", BOOT_TIME)
            .env("PATH", std::env::join_paths(folders).unwrap())
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        Run::from(shell.output().unwrap())
    }

    /// The text for snapshots: with this folder replaced, and without the state that a waiting command sees only where it is quick
    /// enough.
    pub(crate) fn clean(&self, text: &str) -> String {
        let lines = text
            .split_inclusive('\n')
            .filter(|line| !line.ends_with(": provisioning (new)\n"));
        let text: String = lines.collect();
        text.replace(self.folder.path().to_str().unwrap(), "[FOLDER]")
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Run {
    /// The exit code must be this one.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// stdout is one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// A text of the JSON document.
    #[track_caller]
    pub(crate) fn text(&self, key: &str) -> String {
        self.json()[key]
            .as_str()
            .unwrap_or_else(|| panic!("no {key}: {self:#?}"))
            .to_owned()
    }

    /// What stands behind a mark on a line of stderr.
    #[track_caller]
    pub(crate) fn after(&self, mark: &str) -> String {
        let line = self.stderr.lines().find_map(|line| line.split_once(mark));
        line.unwrap_or_else(|| panic!("no {mark:?}: {self:#?}"))
            .1
            .trim()
            .to_owned()
    }
}

/// A command that runs.
pub(crate) struct Running {
    child: Child,
    stdout: mpsc::Receiver<String>,
    stderr: mpsc::Receiver<String>,
    seen: (Vec<String>, Vec<String>),
}

impl Running {
    fn new(mut child: Child) -> Self {
        let (stdout, stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Self {
            child,
            stdout: lines(stdout),
            stderr: lines(stderr),
            seen: Default::default(),
        }
    }

    pub(crate) fn stdout_line(&mut self) -> String {
        let line = self.stdout.recv_timeout(DEADLINE).expect("a line on stdout");
        self.seen.0.push(line.clone());
        line
    }

    /// Waits for a line on stderr that holds a text.
    pub(crate) fn wait_for(&mut self, text: &str) -> String {
        loop {
            let line = self.stderr.recv_timeout(DEADLINE);
            let line = line.unwrap_or_else(|_| panic!("no {text:?} on stderr: {:#?}", self.seen));
            self.seen.1.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn finish(mut self) -> Run {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > DEADLINE {
                let _ = self.child.kill();
                panic!("it did not end: {:#?}", self.seen);
            }
            // The pipe ends with the process.
            if let Ok(line) = self.stderr.recv_timeout(Duration::from_millis(20)) {
                self.seen.1.push(line);
            }
        };
        self.seen.0.extend(self.stdout.iter());
        self.seen.1.extend(self.stderr.iter());
        let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect();
        Run {
            code: status.code(),
            stdout: text(&self.seen.0),
            stderr: text(&self.seen.1),
        }
    }
}

fn lines(pipe: impl std::io::Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// `provision sim serve`, stopped when it is dropped.
pub(crate) struct Server {
    running: Option<Running>,
    pub(crate) base_url: String,
}

impl Server {
    pub(crate) fn endpoint(&self, cloud: &str) -> String {
        let path = provision_sim::clouds()
            .into_iter()
            .find(|known| known.id == cloud)
            .unwrap()
            .endpoint_path;
        format!("{}{path}", self.base_url)
    }

    /// The commands that it printed, one for each cloud.
    pub(crate) fn commands(mut self) -> (Self, Vec<String>) {
        let running = self.running.as_mut().unwrap();
        let mut commands = Vec::new();
        for _ in clouds() {
            let line = running.wait_for("hint: provision ");
            commands.push(line.trim_start_matches("hint: ").to_owned());
        }
        (self, commands)
    }

    /// Stops it as a user would.
    pub(crate) fn stop(mut self) -> Run {
        let running = self.running.take().unwrap();
        running.signal("INT");
        running.finish()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut running) = self.running.take() {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

/// The token that a simulated cloud accepts.
pub(crate) fn token(cloud: &str) -> &'static str {
    let found = simulated(cloud).settings.iter().find(|(name, _)| *name == "token");
    found.unwrap().1
}

/// The settings that a simulated cloud accepts, as `name=value`.
pub(crate) fn settings(cloud: &str) -> Vec<String> {
    let settings = simulated(cloud).settings.iter();
    settings.map(|(name, value)| format!("{name}={value}")).collect()
}

/// Options that replace every secret of a simulated cloud by another text of the same shape, in files of a sandbox.
pub(crate) fn sandbox_with_wrong_credentials(cloud: &str) -> (Sandbox, Vec<String>) {
    let sandbox = Sandbox::new();
    let providers = sandbox.run(&["providers", "-p", cloud, "-o", "json"]).exits(0).json();
    let is_secret = |name: &str| {
        let known = providers[0]["settings"].as_array().unwrap();
        known
            .iter()
            .any(|setting| setting["name"] == name && setting["secret"] == true)
    };
    let mut options = Vec::new();
    for (name, value) in simulated(cloud).settings.iter().filter(|(name, _)| is_secret(name)) {
        let wrong = match serde_json::from_str::<Value>(value) {
            // Of a key file only the id of its key: the rest has to stay readable.
            Ok(Value::Object(mut file)) => {
                file.insert("private_key_id".into(), "0000".into());
                file.insert("client_email".into(), "nobody@example.com".into());
                Value::Object(file).to_string()
            }
            _ => value
                .chars()
                .map(|c| if c.is_ascii_digit() { '0' } else { c })
                .map(shifted)
                .collect(),
        };
        let file = sandbox.file(name, &wrong);
        options.extend(["--secret-file".to_owned(), format!("{name}={file}")]);
    }
    assert!(!options.is_empty(), "{cloud} has no secret");
    (sandbox, options)
}

/// The next hexadecimal digit among letters, so that a UUID stays one.
fn shifted(c: char) -> char {
    match c {
        'a'..='e' | 'A'..='E' => char::from(c as u8 + 1),
        'f' => 'a',
        'F' => 'A',
        other => other,
    }
}

fn simulated(cloud: &str) -> provision_sim::CloudInfo {
    provision_sim::clouds()
        .into_iter()
        .find(|known| known.id == cloud)
        .unwrap()
}

/// Ids of every cloud that is both compiled in and simulated.
pub(crate) fn clouds() -> Vec<&'static str> {
    let clouds: Vec<&str> = provision_sim::clouds().iter().map(|cloud| cloud.id).collect();
    assert!(clouds.len() >= 2);
    clouds
}

/// Clouds whose only credential is a token and whose create is one POST: enough where the command line is tested and not
/// the cloud.
pub(crate) fn token_clouds() -> Vec<&'static str> {
    vec!["digitalocean", "hetzner"]
}

/// A command on a terminal of its own.
#[cfg(unix)]
pub(crate) struct Terminal {
    child: Child,
    keyboard: fs::File,
    screen: mpsc::Receiver<String>,
}

#[cfg(unix)]
impl Terminal {
    pub(crate) fn spawn(columns: u16, mut command: Command) -> Self {
        use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let slave = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let size = rustix::termios::Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(&slave, size).unwrap();
        command
            .stdin(slave.try_clone().unwrap())
            .stdout(slave.try_clone().unwrap())
            .stderr(slave);
        let child = command.spawn().unwrap();
        // With the command's ends of the terminal it closes.
        drop(command);
        let master = fs::File::from(master);
        let (sender, screen) = mpsc::channel();
        let mut reader = master.try_clone().unwrap();
        std::thread::spawn(move || {
            use std::io::Read as _;
            let mut buffer = [0; 4096];
            // A terminal without a program at the other end is an error on Linux.
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keyboard: master,
            screen,
        }
    }

    pub(crate) fn type_in(&mut self, text: &str) {
        use std::io::Write as _;
        self.keyboard.write_all(text.as_bytes()).unwrap();
    }

    pub(crate) fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// Waits until the screen has shown a text; what it has shown until then.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        let mut shown = String::new();
        while !shown.contains(text) {
            let more = self.screen.recv_timeout(DEADLINE);
            shown.push_str(&more.unwrap_or_else(|_| panic!("no {text:?}: {shown}")));
        }
        shown
    }

    /// Waits for the end; everything on the screen is in `stdout`.
    pub(crate) fn finish(mut self) -> Run {
        let start = Instant::now();
        let mut stdout = String::new();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if start.elapsed() > DEADLINE {
                let _ = self.child.kill();
                panic!("it did not end: {stdout}");
            }
            if let Ok(text) = self.screen.recv_timeout(Duration::from_millis(20)) {
                stdout.push_str(&text);
            }
        };
        stdout.extend(self.screen.iter());
        Run {
            code: status.code(),
            stdout: stdout.replace("\r\n", "\n"),
            stderr: String::new(),
        }
    }
}
