use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
};

use super::*;

fn translated(text: &str) -> Result<String> {
    script(&UserData::new(text).unwrap(), INFO.default_image)
}

/// A directory of the test's own, removed at the end.
struct Room(PathBuf);

impl Room {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("provision-civo-{}-{number}", std::process::id()));
        fs::create_dir_all(path.join("bin")).unwrap();
        fs::create_dir_all(path.join("tmp")).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.0.join(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.0.join(name)).unwrap().permissions().mode() & 0o7777
    }

    /// A program that stands before the system's own, such as one that only notes its arguments.
    fn program(&self, name: &str, text: &str) {
        let path = self.0.join("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs what a cloud-config becomes, with `@` in it replaced by this directory and `%` by the own user and group.
    fn run(&self, user_data: &str) -> Output {
        let owner = Command::new("sh")
            .args(["-c", "printf %s $(id -un):$(id -gn)"])
            .output()
            .unwrap();
        let owner = String::from_utf8(owner.stdout).unwrap();
        let text = translated(&user_data.replace('@', &self.path("")[..]).replace('%', &owner)).unwrap();
        let file = self.0.join("script");
        fs::write(&file, text).unwrap();
        let path = format!("{}:{}", self.path("bin"), std::env::var("PATH").unwrap());
        let output = Command::new("sh")
            .arg(&file)
            .env("PATH", path)
            .env("TMPDIR", self.path("tmp"))
            .env("ROOM", self.path(""))
            .output()
            .unwrap();
        assert_eq!(
            fs::read_dir(self.0.join("tmp")).unwrap().count(),
            0,
            "nothing is left behind"
        );
        output
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_script_is_not_touched() {
    for text in ["#!/bin/sh\necho hi\n", "#!/usr/bin/env python3\nprint('hi')", ""] {
        assert_eq!(translated(text).unwrap(), text);
    }
    assert_eq!(translated("#cloud-config\n").unwrap(), "");
}

#[test]
fn the_script_of_files_and_commands() {
    insta::assert_snapshot!(
        translated(
            "#cloud-config\nwrite_files:\n- path: /etc/app/it's.conf\n  content: |\n    a: $b\n    END\n  permissions: '0600'\n- {path: /etc/note, content: no newline, append: true, owner: 'app:app', defer: true}\n- {path: /etc/key, content: 'aGVsbG8=', encoding: b64}\nruncmd:\n- echo \"$HOME\"\n- [echo, it's, $HOME]\n"
        )
        .unwrap()
    );
}

#[test]
fn the_script_of_packages() {
    insta::assert_snapshot!(
        translated("#cloud-config\npackage_update: true\npackage_upgrade: yes\npackages: [nginx, [curl, 8.5.0]]\n")
            .unwrap()
    );
}

#[test]
fn files_are_written_as_asked_for() {
    let room = Room::new();
    let output = room.run(
        "#cloud-config\nwrite_files:\n- {path: '@/new/deep/er/a.txt', content: \"it's $HOME `x` \\\\n \\t\\\"\\nEND\\nEND_\\n\", owner: '%', permissions: '0640'}\n- {path: '@/plain', content: 'no end', owner: '%'}\n- {path: '@/plain', content: ' of line', owner: '%', append: true, permissions: 01600}\n- {path: '@/empty', owner: '%'}\n- {path: '@/b64', encoding: b64, content: 'AAH/Cg==', owner: '%', permissions: '0755'}\n- {path: '@/gz', encoding: gz+b64, content: 'H4sIAAAAAAAAA8tIzcnJ5wIAIDA6NgYAAAA=', owner: '%'}\n",
    );
    assert!(output.status.success(), "{output:?}");
    assert_eq!(room.read("new/deep/er/a.txt"), "it's $HOME `x` \\n \t\"\nEND\nEND_\n");
    assert_eq!(
        (room.mode("new/deep/er/a.txt"), room.mode("plain"), room.mode("empty")),
        (0o640, 0o1600, 0o644)
    );
    assert_eq!(room.read("plain"), "no end of line");
    assert_eq!(room.read("empty"), "");
    assert_eq!(fs::read(Path::new(&room.path("b64"))).unwrap(), [0, 1, 255, 10]);
    assert_eq!((room.mode("b64"), room.read("gz").as_str()), (0o755, "hello\n"));
}

#[test]
fn a_failing_file_ends_only_its_own_step() {
    let room = Room::new();
    let output = room.run(
        "#cloud-config\nwrite_files:\n- {path: '@/a', owner: '%'}\n- {path: '@/b', owner: 'no-such-user-x:no-such-group-x'}\n- {path: '@/c', owner: '%'}\n- {path: '@/late', owner: '%', defer: true}\nruncmd: ['touch \"$ROOM/ran\"']\n",
    );
    assert_eq!(output.status.code(), Some(1));
    let there = ["a", "c", "late", "ran"].map(|name| Path::new(&room.path(name)).exists());
    assert_eq!(there, [true, false, true, true]);
}

#[test]
fn commands_mean_what_they_mean_to_cloud_init() {
    let room = Room::new();
    let output = room.run(
        "#cloud-config\nruncmd:\n- x=1; false\n- echo \"text $x\" '*'\n- [echo, 'list $x', 'it''s', '*', \"a  b\"]\n- |\n  cat <<EOF\n  block\n  EOF\n- read line && echo \"never $line\"\n- pwd\n- exit 3\n- echo never\n",
    );
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "text 1 *\nlist $x it's * a  b\nblock\n/\n"
    );
}

#[test]
fn parts_run_in_the_order_of_their_names() {
    let room = Room::new();
    let part = |text: &str| UserData::new(text).unwrap();
    let all = UserData::combine(&[
        part("#!/bin/sh\necho first; cat \"$ROOM/file\"; exit 7\n"),
        part(
            "#cloud-config\nruncmd: [echo last]\nwrite_files: [{path: '@/file', content: written, owner: '%'}]\n"
                .replace('@', &room.path(""))
                .replace("'%'", "':'")
                .as_str(),
        ),
        part("#!/usr/bin/env sh\nprintf ' second'\necho"),
    ])
    .unwrap();
    let output = room.run(all.expose());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "first\nwritten second\nlast\n"
    );
    let two = UserData::combine(&[part("#cloud-config\n{}"), part("#cloud-config\n{}")]).unwrap();
    assert!(translated(two.expose()).unwrap_err().to_string().contains("several"));
}

#[test]
fn packages_are_installed_as_cloud_init_installs_them() {
    let room = Room::new();
    room.program(
        "apt-get",
        "[ \"$1\" = --option=Dpkg::Options::=--force-confold ] && shift 5\necho \"apt $DEBIAN_FRONTEND $*\"",
    );
    room.program("apt-cache", "printf '%s\\n' nginx-core nginx curl libfoo++");
    room.program(
        "grep",
        "case $* in *os-release*) exit \"$(cat \"$ROOM/not-ubuntu\")\" ;; esac; exec /bin/grep \"$@\"",
    );
    room.program("snap", "echo \"snap $*\"");
    fs::write(room.path("not-ubuntu"), "0").unwrap();
    let config = "#cloud-config\npackage_upgrade: true\npackages: [nginx, unheard-of, nginx.core, curl/noble, 'libfoo++', [gone, '1.0']]\n";
    let output = room.run(config);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "apt noninteractive update\napt noninteractive dist-upgrade\nsnap refresh\n".to_owned()
            + "apt noninteractive install nginx curl/noble libfoo++ gone=1.0\nsnap install unheard-of\nsnap install nginx.core\n"
    );
    fs::write(room.path("not-ubuntu"), "1").unwrap();
    let output = room.run(config);
    assert_eq!(
        output.status.code(),
        Some(1),
        "a package that nobody has is a failure: {output:?}"
    );
    room.program("apt-get", "exit 100");
    let output = room.run("#cloud-config\npackages: [nginx]\nruncmd: [echo still]\n");
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(1), b"still\n".as_slice())
    );
}

#[test]
fn packages_need_an_image_with_apt() {
    let packages = UserData::new("#cloud-config\npackages: [nginx]\n").unwrap();
    for image in ["debian-13", "ubuntu-jammy", "d2c2c728-512d-4087-906a-8486fcf4a1c7"] {
        assert!(script(&packages, image).is_ok(), "{image}");
    }
    let error = script(&packages, "rocky-9").unwrap_err();
    assert!(error.to_string().contains("`rocky-9`"), "{error}");
    let commands = UserData::new("#cloud-config\nruncmd: [ls]\n").unwrap();
    assert!(script(&commands, "rocky-9").is_ok());
}

#[test]
fn the_size_of_the_script_counts() {
    let config = format!(
        "#cloud-config\nruncmd:\n- echo {}\n",
        "x".repeat(INFO.user_data.max_bytes - 60)
    );
    let error = translated(&config).unwrap_err();
    assert!(error.to_string().contains("once it is turned into a script"), "{error}");
}
