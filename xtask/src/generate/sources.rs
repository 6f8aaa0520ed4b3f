//! Blocks that follow from `providers.toml` alone: what cargo, the compiler and the code review need.

use std::path::Path;

use toml::{Table, Value};

use super::Block;
use crate::manifest::Provider;
use crate::{Result, read};

/// The blocks, and what stands in the way of generating the others.
pub(super) fn blocks(root: &Path, providers: &[Provider]) -> (Vec<Block>, Vec<String>) {
    let rows = |row: fn(&Provider) -> String| providers.iter().map(row).collect::<Vec<_>>();
    let mut blocks = vec![
        block("crates/provision/Cargo.toml", "features", umbrella_features(providers)),
        block(
            "crates/provision/Cargo.toml",
            "dependencies",
            rows(|provider| format!("{} = {{ workspace = true, optional = true }}", provider.package())),
        ),
        block("crates/provision/src/registry.rs", "registry", registry(providers)),
        block("crates/provision/src/lib.rs", "re-exports", re_exports(providers)),
        block("crates/provision-cli/Cargo.toml", "features", cli_features(providers)),
        block(
            "crates/provision-operator/Cargo.toml",
            "features",
            cli_features(providers),
        ),
        block(
            "crates/provision-sim/src/clouds.rs",
            "clouds",
            simulated_clouds(providers),
        ),
        block(
            "crates/provision-sim/README.md",
            "clouds",
            simulated_clouds_text(providers),
        ),
        block("CODEOWNERS", "providers", codeowners(providers)),
    ];
    let mut problems = Vec::new();
    match providers
        .iter()
        .map(|provider| workspace_dependency(root, provider))
        .collect()
    {
        Ok(lines) => blocks.push(block("Cargo.toml", "provider crates", lines)),
        Err(problem) => problems.push(problem),
    }
    (blocks, problems)
}

fn block(file: &str, name: &'static str, lines: Vec<String>) -> Block {
    Block {
        file: file.to_owned(),
        name,
        lines,
    }
}

fn umbrella_features(providers: &[Provider]) -> Vec<String> {
    let mut lines = vec!["# Every cloud.".to_owned(), "full = [".to_owned()];
    lines.extend(providers.iter().map(|provider| format!("    \"{}\",", provider.id)));
    lines.push("]".to_owned());
    lines.extend(
        providers
            .iter()
            .map(|provider| format!("{} = [\"dep:{}\"]", provider.id, provider.package())),
    );
    lines
}

fn cli_features(providers: &[Provider]) -> Vec<String> {
    let mut lines = vec!["full = [\"provision/full\"]".to_owned()];
    lines.extend(
        providers
            .iter()
            .map(|provider| format!("{0} = [\"provision/{0}\"]", provider.id)),
    );
    lines
}

fn registry(providers: &[Provider]) -> Vec<String> {
    let mut lines = vec!["registry! {".to_owned()];
    let row = |provider: &Provider| format!("    \"{0}\" => provision_{0}::{1},", provider.id, provider.type_name);
    lines.extend(providers.iter().map(row));
    lines.push("}".to_owned());
    lines
}

fn re_exports(providers: &[Provider]) -> Vec<String> {
    let row = |provider: &Provider| {
        [
            format!("#[cfg(feature = \"{}\")]", provider.id),
            "#[doc(inline)]".to_owned(),
            format!("pub use provision_{0} as {0};", provider.id),
        ]
    };
    providers.iter().flat_map(row).collect()
}

fn simulated_clouds(providers: &[Provider]) -> Vec<String> {
    let mut lines: Vec<String> = providers
        .iter()
        .map(|provider| format!("mod {};", provider.id))
        .collect();
    lines.push(String::new());
    lines.push("/// An empty account at every cloud, in the order of their ids.".to_owned());
    lines.push("#[rustfmt::skip] // one line per cloud".to_owned());
    lines.extend([
        "pub(crate) fn all() -> Vec<Box<dyn Slot>> {".to_owned(),
        "    vec![".to_owned(),
    ]);
    lines.extend(
        providers
            .iter()
            .map(|provider| format!("        slot({}::{}),", provider.id, provider.type_name)),
    );
    lines.extend(["    ]".to_owned(), "}".to_owned()]);
    lines
}

fn simulated_clouds_text(providers: &[Provider]) -> Vec<String> {
    let ids: Vec<String> = providers.iter().map(|provider| format!("`{}`", provider.id)).collect();
    vec![String::new(), format!("Simulated: {}.", ids.join(", ")), String::new()]
}

fn codeowners(providers: &[Provider]) -> Vec<String> {
    let row = |provider: &Provider| {
        [
            format!("/{}/ {}", provider.folder(), provider.maintainer),
            format!(
                "/crates/provision-sim/src/clouds/{}* {}",
                provider.id, provider.maintainer
            ),
        ]
    };
    providers.iter().flat_map(row).collect()
}

fn workspace_dependency(root: &Path, provider: &Provider) -> Result<String> {
    let version = package_version(root, &provider.folder())?;
    let (package, folder) = (provider.package(), provider.folder());
    Ok(format!(
        "{package} = {{ path = \"{folder}\", version = \"{version}\", default-features = false }}"
    ))
}

/// The version in a crate's own manifest.
pub(crate) fn package_version(root: &Path, folder: &str) -> Result<String> {
    let path = format!("{folder}/Cargo.toml");
    let hint = "run `cargo xtask new-provider` or take its row out of providers.toml";
    let text = read(root, &path).map_err(|error| format!("{error}; {hint}"))?;
    let table: Table = text.parse().map_err(|error| format!("{path}: {error}"))?;
    let version = table
        .get("package")
        .and_then(|package| package.get("version"))
        .and_then(Value::as_str);
    version
        .map(str::to_owned)
        .ok_or_else(|| format!("{path}: has no package.version of its own"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn providers() -> Vec<Provider> {
        let row = |id: &str, type_name: &str, maintainer: &str| Provider {
            id: id.to_owned(),
            type_name: type_name.to_owned(),
            maintainer: maintainer.to_owned(),
        };
        vec![row("ec2", "Ec2", "@adamjohnson01"), row("vultr", "Vultr", "@jsiebens")]
    }

    #[test]
    fn every_provider_stands_in_every_block() {
        let providers = providers();
        assert_eq!(
            umbrella_features(&providers).join("\n"),
            "# Every cloud.\nfull = [\n    \"ec2\",\n    \"vultr\",\n]\n\
             ec2 = [\"dep:provision-ec2\"]\nvultr = [\"dep:provision-vultr\"]"
        );
        assert_eq!(
            cli_features(&providers),
            [
                "full = [\"provision/full\"]",
                "ec2 = [\"provision/ec2\"]",
                "vultr = [\"provision/vultr\"]"
            ]
        );
        assert_eq!(
            registry(&providers),
            [
                "registry! {",
                "    \"ec2\" => provision_ec2::Ec2,",
                "    \"vultr\" => provision_vultr::Vultr,",
                "}"
            ]
        );
        assert_eq!(
            re_exports(&providers)[..3],
            [
                "#[cfg(feature = \"ec2\")]",
                "#[doc(inline)]",
                "pub use provision_ec2 as ec2;"
            ]
        );
        assert_eq!(
            codeowners(&providers)[..2],
            [
                "/crates/provision-ec2/ @adamjohnson01",
                "/crates/provision-sim/src/clouds/ec2* @adamjohnson01"
            ]
        );
    }

    #[test]
    fn the_simulator_lists_a_module_and_a_value_for_each_cloud() {
        let lines = simulated_clouds(&providers());
        assert_eq!(lines[..2], ["mod ec2;", "mod vultr;"]);
        assert_eq!(simulated_clouds_text(&providers())[1], "Simulated: `ec2`, `vultr`.");
        assert!(lines.contains(&"        slot(ec2::Ec2),".to_owned()), "{lines:?}");
    }

    #[test]
    fn a_crate_that_does_not_exist_yet_is_a_problem_and_the_other_blocks_are_made() {
        let (blocks, problems) = blocks(Path::new("/nonexistent"), &providers());
        assert!(problems[0].contains("crates/provision-ec2/Cargo.toml"), "{problems:?}");
        assert!(blocks.iter().any(|block| block.file == "CODEOWNERS"));
    }
}
