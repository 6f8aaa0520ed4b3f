//! `cargo xtask new-provider ID`: adds a cloud. What it writes compiles, does nothing yet, and says `FILL-IN` wherever
//! something is to be written; `cargo xtask tidy` complains until the last of them is gone.

use std::path::Path;
use std::process::ExitCode;

use crate::manifest::{self, Provider};
use crate::{Result, cargo, generate, read, write};

/// The word that marks what is still to be written.
pub(crate) const MARK: &str = "FILL-IN";

/// The standard file set, relative to the crate's folder.
const CRATE_FILES: [(&str, &str); 13] = [
    ("Cargo.toml", include_str!("../templates/Cargo.toml.in")),
    ("README.md", include_str!("../templates/README.md.in")),
    ("CHANGELOG.md", include_str!("../templates/CHANGELOG.md.in")),
    ("src/lib.rs", include_str!("../templates/src/lib.rs.in")),
    ("src/info.rs", include_str!("../templates/src/info.rs.in")),
    ("src/config.rs", include_str!("../templates/src/config.rs.in")),
    ("src/provider.rs", include_str!("../templates/src/provider.rs.in")),
    ("src/request.rs", include_str!("../templates/src/request.rs.in")),
    ("src/response.rs", include_str!("../templates/src/response.rs.in")),
    ("src/status.rs", include_str!("../templates/src/status.rs.in")),
    ("src/error.rs", include_str!("../templates/src/error.rs.in")),
    ("tests/wire.rs", include_str!("../templates/tests/wire.rs.in")),
    ("tests/contract.rs", include_str!("../templates/tests/contract.rs.in")),
];
const SIMULATOR: &str = include_str!("../templates/simulator.rs.in");

/// Scaffolds the crate, its simulator module and its row in the manifest, and generates the blocks that follow from it.
pub(crate) fn run(root: &Path, arguments: &[&str]) -> Result<ExitCode> {
    let provider = parse(arguments)?;
    scaffold(root, &provider)?;
    // How lines break depends on the length of the names.
    let formatted = cargo::run_quietly(root, &["fmt", "--package", &provider.package()])?;
    if !formatted.success {
        println!("cargo fmt failed, run it by hand: {}", formatted.stderr.trim());
    }
    // The facts in the READMEs need the new crate's code, so a failure there is left for the next `generate`.
    let generated = generate::run(root, generate::Mode::Write)?;
    println!("\n{}", next_steps(&provider));
    Ok(generated)
}

fn parse(arguments: &[&str]) -> Result<Provider> {
    let mut words = arguments.iter().copied();
    let (mut id, mut type_name, mut maintainer) = (None, None, None);
    while let Some(word) = words.next() {
        let target = match word {
            "--type" => &mut type_name,
            "--maintainer" => &mut maintainer,
            _ if word.starts_with('-') => return Err(format!("unknown option `{word}`; known: --type, --maintainer")),
            _ if id.is_some() => return Err(format!("one id at a time, `{word}` is too much")),
            _ => {
                id = Some(word);
                continue;
            }
        };
        *target = Some(words.next().ok_or_else(|| format!("option `{word}` needs a value"))?);
    }
    let id = id.ok_or("say the id of the provider, such as `vultr`")?;
    let provider = Provider {
        id: id.to_owned(),
        type_name: type_name.map_or_else(|| capitalised(id), str::to_owned),
        maintainer: maintainer.unwrap_or("@alexellis").to_owned(),
    };
    manifest::check_id(&provider.id)?;
    manifest::check_type(&provider.type_name)?;
    manifest::check_maintainer(&provider.maintainer)?;
    Ok(provider)
}

fn scaffold(root: &Path, provider: &Provider) -> Result<()> {
    let rows = read(root, manifest::FILE)?;
    if manifest::parse(&rows)?.iter().any(|known| known.id == provider.id) {
        return Err(format!("{} has a provider `{}` already", manifest::FILE, provider.id));
    }
    let folder = provider.folder();
    let simulated = format!("crates/provision-sim/src/clouds/{}", provider.id);
    for taken in [folder.clone(), simulated.clone(), format!("{simulated}.rs")] {
        if root.join(&taken).exists() {
            return Err(format!("{taken} exists already; move it away first"));
        }
    }
    for (file, template) in CRATE_FILES {
        write(root, &format!("{folder}/{file}"), &fill(template, provider))?;
    }
    write(root, &format!("{simulated}.rs"), &fill(SIMULATOR, provider))?;
    write(root, manifest::FILE, &format!("{}\n{}", rows.trim_end(), row(provider)))
}

/// A row whose numbers are those of the simplest API; the contract suite says where they are wrong.
fn row(provider: &Provider) -> String {
    format!(
        "\n[[provider]]\nid = \"{}\"\ntype = \"{}\"\nmaintainer = \"{}\"\nrequests = {{ provision = 2, \
         provision-with-ports = 2, status = 1, list = 1, delete = 1, delete-again = 1, delete-by-ip = 2 }}\n",
        provider.id, provider.type_name, provider.maintainer
    )
}

fn fill(template: &str, provider: &Provider) -> String {
    template
        .replace("{{id}}", &provider.id)
        .replace("{{Type}}", &provider.type_name)
        .replace("{{maintainer}}", &provider.maintainer)
}

fn capitalised(id: &str) -> String {
    let mut characters = id.chars();
    characters
        .next()
        .map(|first| first.to_ascii_uppercase().to_string() + characters.as_str())
        .unwrap_or_default()
}

fn next_steps(provider: &Provider) -> String {
    let (id, folder) = (&provider.id, provider.folder());
    format!(
        "next, as CONTRIBUTING.md says:\n\
         1. {folder}/README.md: the API's facts with their sources\n\
         2. {folder}/src: replace every {MARK}, in the order info, config, request, response, status, error, provider\n\
         3. crates/provision-sim/src/clouds/{id}.rs: the same API from the other side, written from the vendor's pages only\n\
         4. {folder}/tests/wire.rs, then `cargo test -p provision-{id}` until all cases pass; {} says how many requests each\n\
            operation costs\n\
         5. cargo xtask generate, cargo xtask tidy",
        manifest::FILE
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_and_checked() {
        let provider = parse(&["vultr", "--maintainer", "@jsiebens"]).unwrap();
        assert_eq!(
            (provider.type_name.as_str(), provider.maintainer.as_str()),
            ("Vultr", "@jsiebens")
        );
        assert_eq!(
            parse(&["--type", "DigitalOcean", "digitalocean"]).unwrap().type_name,
            "DigitalOcean"
        );
        for bad in [
            &["Vultr"][..],
            &["vultr", "ovh"],
            &["vultr", "--type"],
            &["vultr", "--type", "vultr"],
            &["vultr", "--maintainer", "jsiebens"],
            &["vultr", "--owner", "@jsiebens"],
            &["--type", "Vultr"],
        ] {
            parse(bad).unwrap_err();
        }
    }

    #[test]
    fn scaffolding_writes_the_standard_file_set_once() {
        let root = std::env::temp_dir().join(format!("xtask-new-provider-{}", std::process::id()));
        let old = Provider {
            id: "ovh".into(),
            type_name: "Ovh".into(),
            maintainer: "@alexellis".into(),
        };
        let new = Provider {
            id: "vultr".into(),
            type_name: "Vultr".into(),
            maintainer: "@jsiebens".into(),
        };
        write(&root, manifest::FILE, &format!("# Every cloud\n{}", row(&old))).unwrap();

        scaffold(&root, &new).unwrap();
        assert_eq!(manifest::load(&root).unwrap(), [old, new.clone()]);
        for (file, _) in CRATE_FILES {
            let text = read(&root, &format!("crates/provision-vultr/{file}")).unwrap();
            assert!(
                !text.contains("{{") && !text.contains("}}"),
                "{file} has a placeholder left"
            );
        }
        assert!(
            read(&root, "crates/provision-sim/src/clouds/vultr.rs")
                .unwrap()
                .contains("struct Vultr;")
        );
        assert!(scaffold(&root, &new).unwrap_err().contains("already"));
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn scaffolded_tests_fail_until_they_are_written() {
        let template = |wanted: &str| CRATE_FILES.iter().find(|(file, _)| *file == wanted).unwrap().1;
        assert!(template("tests/wire.rs").contains(&format!("panic!(\"{MARK}")));
        // Over a simulated cloud that answers nothing yet.
        assert!(template("tests/contract.rs").contains("contract_tests!"));
        assert!(SIMULATOR.contains("not simulated yet"));
    }
}
