//! What Civo runs: a script. A cloud-config is turned into one where its meaning is kept exactly, else it is refused.
//!
//! The produced script does in one go, in cloud-init's own order, what its modules do at separate moments of the first
//! boot: files, package lists, upgrade, packages, deferred files, then all scripts in the order of their names, `runcmd`
//! among them. As there, a step that fails does not keep the next one from running; the script then ends with 1.

mod cloud_config;
mod multi_part;
mod yaml;

use provision_core::{Error, HostId, Result, UserData, UserDataKind};

use self::cloud_config::{CloudConfig, Content, File, quote, refuse};
use crate::info::INFO;

/// The user data as a script; empty when there is nothing to run. A script stays as it is, byte for byte.
///
/// # Errors
/// `InvalidRequest` when it cannot be turned into a script, or the script is too large.
pub(crate) fn script(user_data: &UserData, image: &str) -> Result<String> {
    let mut job = Job::default();
    match user_data.kind() {
        UserDataKind::Script | UserDataKind::Empty => return Ok(user_data.expose().to_owned()),
        UserDataKind::CloudConfig => job.add_config(user_data)?,
        UserDataKind::MultiPart => {
            for part in multi_part::split(user_data)? {
                match part.data.kind() {
                    UserDataKind::CloudConfig => job.add_config(&part.data)?,
                    _ => job.add_script(part.name, part.data.expose().to_owned())?,
                }
            }
        }
        _ => {
            return Err(Error::invalid(format!(
                "{} runs scripts: user data is a script, or a cloud-config that can be turned into one, alone or in a multi-part text",
                INFO.title
            )));
        }
    }
    // The image of an id is not known; the script then looks for itself.
    let apt = image.starts_with("ubuntu") || image.starts_with("debian") || HostId::check_uuid(image).is_ok();
    if job.config.uses_packages() && !apt {
        return Err(refuse(format!(
            "packages are installed with apt only, which image `{image}` does not have"
        )));
    }
    let text = job.render();
    let limit = INFO.user_data.max_bytes;
    if text.len() > limit {
        return Err(Error::invalid(format!(
            "user data has {} bytes once it is turned into a script, {} takes {limit}: let a script download the rest",
            text.len(),
            INFO.title
        )));
    }
    Ok(text)
}

/// Everything that the script has to do.
#[derive(Default)]
struct Job {
    config: CloudConfig,
    has_config: bool,
    /// By name.
    scripts: Vec<(String, String)>,
}

impl Job {
    fn add_config(&mut self, user_data: &UserData) -> Result<()> {
        if self.has_config {
            return Err(refuse(
                "there are several, which cloud-init would merge: write them as one",
            ));
        }
        self.has_config = true;
        self.config = CloudConfig::parse(user_data.expose())?;
        match self.config.commands.take() {
            Some(commands) => self.add_script("runcmd".to_owned(), format!("#!/bin/sh\n{commands}")),
            None => Ok(()),
        }
    }

    fn add_script(&mut self, name: String, text: String) -> Result<()> {
        if text.contains('\0') {
            return Err(refuse("a script in it holds a NUL character"));
        }
        match self.scripts.binary_search_by(|(known, _)| known.as_str().cmp(&name)) {
            Ok(_) => Err(refuse(format!("two scripts in it are named `{name}`"))),
            Err(place) => {
                self.scripts.insert(place, (name, text));
                Ok(())
            }
        }
    }

    fn render(&self) -> String {
        let config = &self.config;
        if config.files.is_empty() && !config.uses_packages() && self.scripts.is_empty() {
            return String::new();
        }
        let mut text = HEAD.to_owned();
        if !config.files.is_empty() {
            text.push_str(WRITE_FILE);
        }
        if config.uses_packages() {
            text.push_str(PACKAGES);
        }
        render_files(&mut text, config, false);
        if config.update || config.upgrade {
            text.push_str("\nupdate || failed=1\n");
        }
        if config.upgrade {
            text.push_str("upgrade || failed=1\n");
        }
        if !config.packages.is_empty() {
            let packages: Vec<String> = config.packages.iter().map(|package| quote(package)).collect();
            text.push_str(&format!("\ninstall {} || failed=1\n", packages.join(" ")));
        }
        render_files(&mut text, config, true);
        for (name, script) in &self.scripts {
            text.push_str(&format!(
                "\n{}chmod 700 \"$dir/{name}\"\n\"$dir/{name}\" </dev/null || failed=1\n",
                store(name, script)
            ));
        }
        text.push_str("\nexit \"$failed\"\n");
        text
    }
}

/// The files of one moment. The first that fails ends this step, as it ends cloud-init's module.
fn render_files(text: &mut String, config: &CloudConfig, deferred: bool) {
    let mut files = config.files.iter().filter(|file| file.deferred == deferred).peekable();
    if files.peek().is_none() {
        return;
    }
    text.push_str("\nwrite_files() {\n");
    for file in files {
        render_file(text, file);
    }
    text.push_str("}\nwrite_files || failed=1\n");
}

fn render_file(text: &mut String, file: &File) {
    match &file.content {
        Content::Plain(content) => text.push_str(&store("content", content)),
        Content::Base64 { text: packed, gzip } => {
            let unpack = if *gzip { " | gzip -dc" } else { "" };
            text.push_str(&format!(
                "printf %s {packed} | base64 -d{unpack} >\"$dir/content\" || return\n"
            ));
        }
    }
    text.push_str(&format!(
        "write_file {} {} {} {} || return\n",
        quote(&file.path),
        file.mode,
        quote(&file.owner),
        if file.append { "append" } else { "replace" }
    ));
}

/// Commands that put a text into a file of the work directory, byte for byte.
fn store(name: &str, text: &str) -> String {
    if text.is_empty() {
        return format!(": >\"$dir/{name}\"\n");
    }
    if !text.ends_with('\n') {
        return format!("printf %s {} >\"$dir/{name}\"\n", quote(text));
    }
    let mut end = "END".to_owned();
    while text.lines().any(|line| line == end) {
        end.push('_');
    }
    format!("cat >\"$dir/{name}\" <<'{end}'\n{text}{end}\n")
}

const HEAD: &str = r#"#!/bin/sh
# Made by `provision` from a cloud-config, which Civo does not run itself.
failed=0
cd / || exit 1
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
"#;

/// `write_file PATH MODE OWNER append|replace`, from `$dir/content`. New directories get the owner, too.
const WRITE_FILE: &str = r#"
make_directory() {
    [ -z "$1" ] || [ -d "$1" ] || { make_directory "${1%/*}" "$2" && mkdir "$1" && change_owner "$1" "$2"; }
}
change_owner() {
    [ -z "$2" ] || chown "$2" "$1"
}
write_file() {
    make_directory "${1%/*}" "$3" || return
    case $4 in
        append) cat "$dir/content" >>"$1" ;;
        *) cat "$dir/content" >"$1" ;;
    esac && chmod "$2" "$1" && change_owner "$1" "$3" && chmod "$2" "$1"
}
"#;

/// As `cloudinit/distros/package_management/{apt,snap}.py`: what apt does not know is looked for among the snaps, on Ubuntu.
const PACKAGES: &str = r#"
run_apt() {
    DEBIAN_FRONTEND=noninteractive apt-get --option=Dpkg::Options::=--force-confold \
        --option=Dpkg::options::=--force-unsafe-io --option=DPkg::Lock::Timeout=30 --assume-yes --quiet "$@" </dev/null
}
has_snap() {
    grep -qsx 'ID="\{0,1\}ubuntu"\{0,1\}' /etc/os-release && command -v snap >/dev/null
}
update() {
    [ -n "$updated" ] || { run_apt update && updated=yes; }
}
upgrade() {
    run_apt dist-upgrade || return
    has_snap || return 0
    case $(snap get system -d 2>/dev/null | tr -d ' \n') in
        *'"refresh":{'*'"hold":"forever"'*) ;;
        *) snap refresh </dev/null ;;
    esac
}
install() {
    update && apt-cache pkgnames >"$dir/known" || return
    : >"$dir/unknown"
    for package; do
        shift
        name=$(printf '%s\n' "${package%%/*}" | sed 's/[-^]*$//')
        case $package in
            *=*) set -- "$@" "$package" ;;
            *) if grep -Fqxe "$name" "$dir/known"; then set -- "$@" "$package"; else echo "$package" >>"$dir/unknown"; fi ;;
        esac
    done
    [ $# -eq 0 ] || run_apt install "$@" || return
    [ -s "$dir/unknown" ] || return 0
    has_snap || return
    while read -r package; do
        snap install "$package" </dev/null || echo "$package" >>"$dir/failed"
    done <"$dir/unknown"
    [ ! -e "$dir/failed" ]
}
updated=
"#;

#[cfg(test)]
mod tests;
