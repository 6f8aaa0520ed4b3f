//! A cloud-config as far as a script can do what it says; everything else is refused.
//!
//! Source: the modules of cloud-init 25 and 26 (`cloudinit/config/cc_*.py`, read 2026-11-20).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use provision_core::{Error, Result};

use super::yaml::Node;

/// What is understood, for messages.
pub(super) const KEYS: &str = "packages, package_update, package_upgrade, write_files, runcmd";

/// What a cloud-config asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct CloudConfig {
    pub(super) files: Vec<File>,
    pub(super) update: bool,
    pub(super) upgrade: bool,
    pub(super) packages: Vec<String>,
    /// The lines of the script that cloud-init makes of `runcmd`; `None` without the key.
    pub(super) commands: Option<String>,
}

/// One entry of `write_files`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    pub(super) path: String,
    pub(super) content: Content,
    /// In octal, four digits.
    pub(super) mode: String,
    /// As `chown` takes it, `user:group`; empty to leave it.
    pub(super) owner: String,
    pub(super) append: bool,
    /// Whether it is written after the packages are installed.
    pub(super) deferred: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    Plain(String),
    /// Valid base64 without line breaks, and whether gzip is inside.
    Base64 {
        text: String,
        gzip: bool,
    },
}

impl CloudConfig {
    /// Reads a cloud-config.
    ///
    /// # Errors
    /// `InvalidRequest` that names the first key which cannot be kept.
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.starts_with("##") {
            return Err(refuse(
                "a jinja template cannot be turned into a script: fill it in first",
            ));
        }
        let entries = match Node::parse(text)? {
            Node::Null => Vec::new(),
            Node::Map(entries) => entries,
            _ => return Err(refuse("it must be a mapping of keys")),
        };
        let mut config = Self::default();
        for (key, value) in entries {
            match key.as_str() {
                "package_update" => config.update = flag(&key, &value)?,
                "package_upgrade" => config.upgrade = flag(&key, &value)?,
                "packages" => config.packages = packages(value)?,
                "write_files" => config.files = files(value)?,
                "runcmd" => config.commands = Some(commands(value)?),
                _ => {
                    let key: String = key.chars().filter(|c| !c.is_control()).take(60).collect();
                    return Err(refuse(format!(
                        "key `{key}` cannot be kept in a script; these can: {KEYS}. Leave it out, or do the same in a script of your own"
                    )));
                }
            }
        }
        Ok(config)
    }

    /// Whether a package manager is needed.
    pub(super) fn uses_packages(&self) -> bool {
        self.update || self.upgrade || !self.packages.is_empty()
    }
}

pub(super) fn refuse(why: impl std::fmt::Display) -> Error {
    Error::invalid(format!(
        "Civo runs scripts only, and this cloud-config cannot be turned into one: {why}"
    ))
}

fn list(key: &str, value: Node) -> Result<Vec<Node>> {
    match value {
        Node::List(items) => Ok(items),
        _ => Err(refuse(format!("`{key}` must be a list"))),
    }
}

/// A yes or no in one of the words that every YAML reads alike, or `yes` and `no`, which cloud-init takes as text, too.
fn flag(key: &str, value: &Node) -> Result<bool> {
    match value {
        Node::Bool(value) => Ok(*value),
        Node::Text(text) if matches!(text.as_str(), "true" | "yes" | "on") => Ok(true),
        Node::Text(text) if matches!(text.as_str(), "false" | "no" | "off") => Ok(false),
        _ => Err(refuse(format!("`{key}` must be `true` or `false`"))),
    }
}

/// `name`, or `[name, version]`.
fn packages(value: Node) -> Result<Vec<String>> {
    if value == Node::Null {
        return Ok(Vec::new());
    }
    let name = |node: &Node| match node {
        Node::Text(text) if is_package(text) => Ok(text.clone()),
        _ => Err(refuse(
            "each of `packages` must be a name, or a list of name and version, of letters, digits and `.+:~_/=^-`; put others in quotes",
        )),
    };
    let mut names: Vec<String> = Vec::new();
    for item in list("packages", value)? {
        let package = match &item {
            Node::List(pair) => match pair.as_slice() {
                [package, version] => format!("{}={}", name(package)?, name(version)?),
                [package] => name(package)?,
                _ => return Err(refuse("a package is a name, or a list of name and version")),
            },
            other => name(other)?,
        };
        // cloud-init keeps them as a set.
        if !names.contains(&package) {
            names.push(package);
        }
    }
    Ok(names)
}

fn is_package(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b".+:~_/=^-".contains(&byte))
}

/// The text that cloud-init's `shellify` makes: lists are quoted word by word, texts stand as they are.
fn commands(value: Node) -> Result<String> {
    let mut script = String::new();
    for item in list("runcmd", value)? {
        match item {
            Node::Null => continue,
            Node::Text(line) => script.push_str(&line),
            Node::List(words) => {
                let words: Vec<String> = words
                    .iter()
                    .map(|word| match word {
                        Node::Text(word) | Node::Number(word) => Ok(quote(word)),
                        _ => Err(refuse(
                            "a word of a `runcmd` entry is neither text nor a plain number: put it in quotes",
                        )),
                    })
                    .collect::<Result<_>>()?;
                script.push_str(&words.join(" "));
            }
            _ => {
                return Err(refuse(
                    "each of `runcmd` must be a text or a list of texts: put the command in quotes",
                ));
            }
        }
        script.push('\n');
    }
    no_nul("runcmd", &script)?;
    Ok(script)
}

/// A text as one word of a shell.
pub(super) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn no_nul(key: &str, text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(refuse(format!(
            "`{key}` holds a NUL character, which no script can hold: use base64"
        )));
    }
    Ok(())
}

fn files(value: Node) -> Result<Vec<File>> {
    list("write_files", value)?.into_iter().map(file).collect()
}

fn file(entry: Node) -> Result<File> {
    let Node::Map(fields) = entry else {
        return Err(refuse("each of `write_files` must be a mapping with a path"));
    };
    let mut path = None;
    let mut content = String::new();
    let mut encoding = String::new();
    let mut file = File {
        path: String::new(),
        content: Content::Plain(String::new()),
        mode: "0644".to_owned(),
        owner: "root:root".to_owned(),
        append: false,
        deferred: false,
    };
    for (key, value) in fields {
        match (key.as_str(), value) {
            ("path", Node::Text(text)) => path = Some(absolute(text)?),
            ("content", Node::Text(text)) => content = text,
            ("encoding", Node::Text(text)) => encoding = text.to_ascii_lowercase(),
            ("permissions", value) => file.mode = permissions(&value)?,
            ("owner", Node::Text(text)) => file.owner = owner(&text)?,
            ("append", value) => file.append = flag("append", &value)?,
            ("defer", value) => file.deferred = flag("defer", &value)?,
            ("path" | "content" | "encoding" | "owner", _) => {
                return Err(refuse(format!(
                    "`{key}` in `write_files` must be a text: put it in quotes"
                )));
            }
            _ => {
                let key: String = key.chars().filter(|c| !c.is_control()).take(60).collect();
                return Err(refuse(format!(
                    "key `{key}` in `write_files` cannot be kept in a script; these can: path, content, encoding, permissions, owner, append, defer"
                )));
            }
        }
    }
    file.path = path.ok_or_else(|| refuse("an entry of `write_files` has no path"))?;
    file.content = match encoding.trim() {
        "" | "text/plain" => {
            no_nul("content", &content)?;
            Content::Plain(content)
        }
        "b64" | "base64" => packed(&content, false)?,
        "gz+b64" | "gz+base64" | "gzip+b64" | "gzip+base64" => packed(&content, true)?,
        _ => return Err(refuse("`encoding` in `write_files` must be text/plain, b64 or gz+b64")),
    };
    Ok(file)
}

fn absolute(path: String) -> Result<String> {
    let plain = !path.contains(['\0', '\n']) && !path.ends_with('/');
    if path.starts_with('/') && plain && !path.split('/').any(|part| matches!(part, "." | "..")) {
        return Ok(path);
    }
    Err(refuse(
        "each `path` in `write_files` must be an absolute one without `.` and `..`",
    ))
}

/// Octal digits. Without quotes and a leading zero, cloud-init takes them for decimal ones, which nobody means.
fn permissions(value: &Node) -> Result<String> {
    let written = match value {
        Node::Text(text) | Node::Doubtful(text) => text,
        _ => "",
    };
    let digits = written
        .strip_prefix("0o")
        .or_else(|| written.strip_prefix('0'))
        .unwrap_or(written);
    Some(digits)
        .filter(|digits| (3..=4).contains(&digits.len()) && digits.bytes().all(|byte| (b'0'..=b'7').contains(&byte)))
        .map(|digits| format!("{digits:0>4}"))
        .ok_or_else(|| refuse("`permissions` in `write_files` must be octal digits in quotes, such as '0644'"))
}

/// `user:group`, either of which may be missing, by name.
fn owner(text: &str) -> Result<String> {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
    };
    let (user, group) = text.split_once(':').unwrap_or((text, ""));
    let absent = |name: &str| name.is_empty() || name == "-1" || name.eq_ignore_ascii_case("none");
    let [user, group] = [user.trim(), group.trim()].map(|name| if absent(name) { "" } else { name });
    if [user, group].iter().any(|name| !name.is_empty() && !is_name(name)) {
        return Err(refuse("`owner` in `write_files` must be `user:group` by name"));
    }
    Ok(if group.is_empty() {
        user.to_owned()
    } else {
        format!("{user}:{group}")
    })
}

fn packed(content: &str, gzip: bool) -> Result<Content> {
    let text: String = content.split_ascii_whitespace().collect();
    match STANDARD.decode(&text) {
        Ok(bytes) if !gzip || bytes.starts_with(&[0x1f, 0x8b]) => Ok(Content::Base64 { text, gzip }),
        Ok(_) => Err(refuse("a `content` in `write_files` is not gzip, as its encoding says")),
        Err(_) => Err(refuse(
            "a `content` in `write_files` is not base64, as its encoding says",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<CloudConfig> {
        CloudConfig::parse(&format!("#cloud-config\n{text}"))
    }

    #[test]
    fn commands_are_quoted_as_cloud_init_quotes_them() {
        let commands = |yaml: &str| parse(&format!("runcmd:\n{yaml}")).map(|config| config.commands.unwrap());
        let table = [
            ("  - echo $HOME > /tmp/x\n", "echo $HOME > /tmp/x\n"),
            ("  - [echo, $HOME, 'it''s', 5]\n", "'echo' '$HOME' 'it'\\''s' '5'\n"),
            ("  - |\n    a\n    b\n  - c\n", "a\nb\n\nc\n"),
            ("  -\n  - c\n", "c\n"),
            ("  - []\n", "\n"),
        ];
        for (yaml, expected) in table {
            assert_eq!(commands(yaml).unwrap(), expected, "{yaml}");
        }
        for refused in [
            "  ls\n",
            "  - 5\n",
            "  - yes\n",
            "  - {a: b}\n",
            "  - [a, yes]\n",
            "  - [sleep, 0x10]\n",
            "  - [a, ~]\n",
            "  - [a, [b]]\n",
        ] {
            assert!(commands(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn files_have_the_defaults_of_cloud_init() {
        let config = parse("write_files:\n- path: /etc/a\n- {path: /b, content: \"x\", permissions: 0755, owner: 'www-data', append: true, defer: yes}\n- {path: /c, content: 'aGk=', encoding: b64, permissions: '1777', owner: ':adm'}\n").unwrap();
        let seen: Vec<_> = config
            .files
            .iter()
            .map(|file| {
                (
                    file.path.as_str(),
                    file.mode.as_str(),
                    file.owner.as_str(),
                    file.append,
                    file.deferred,
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("/etc/a", "0644", "root:root", false, false),
                ("/b", "0755", "www-data", true, true),
                ("/c", "1777", ":adm", false, false),
            ]
        );
    }

    #[test]
    fn what_cannot_be_kept_is_named() {
        let table = [
            ("packages: [nginx]\nusers: [default]\nssh_pwauth: true\n", "key `users`"),
            ("bootcmd: [ls]\n", "key `bootcmd`"),
            (
                "write_files:\n- {path: /a, source: {uri: 'https://x'}}\n",
                "key `source`",
            ),
            ("write_files:\n- {path: /a, permissions: 644}\n", "octal digits"),
            ("write_files:\n- {path: /a, permissions: '0888'}\n", "octal digits"),
            ("write_files:\n- {path: a}\n", "absolute"),
            ("write_files:\n- {path: /a/../b}\n", "absolute"),
            ("write_files:\n- {content: hush}\n", "no path"),
            ("write_files:\n- {path: /a, content: 5}\n", "`content`"),
            (
                "write_files:\n- {path: /a, content: '!', encoding: b64}\n",
                "not base64",
            ),
            (
                "write_files:\n- {path: /a, content: 'aGk=', encoding: gz+b64}\n",
                "not gzip",
            ),
            ("write_files:\n- {path: /a, encoding: rot13}\n", "`encoding`"),
            ("write_files:\n- {path: /a, owner: '0:0'}\n", "by name"),
            ("write_files:\n- {path: /a, content: \"a\\0b\"}\n", "NUL"),
            ("packages:\n- {snap: [x]}\n", "`packages`"),
            ("packages: ['-y']\n", "`packages`"),
            ("packages: ['a b']\n", "`packages`"),
            ("package_update: 1\n", "`package_update`"),
            ("- a\n", "mapping"),
        ];
        for (yaml, named) in table {
            let error = parse(yaml).unwrap_err().to_string();
            assert!(error.contains(named) && !error.contains("hush"), "{yaml}: {error}");
        }
        assert!(CloudConfig::parse("## template: jinja\n#cloud-config\n{}").is_err());
        assert_eq!(parse("").unwrap(), CloudConfig::default());
        assert_eq!(
            parse("packages:\n- nginx\n- [curl, '8.5']\n- nginx\n")
                .unwrap()
                .packages,
            ["nginx", "curl=8.5"]
        );
    }
}
