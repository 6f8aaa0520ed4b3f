//! `cargo xtask tidy`: the rules of the repository that a compiler does not check. Runs as a test as well.

use std::path::Path;
use std::process::ExitCode;

use crate::{Result, cargo, manifest, read};

mod code;
mod files;
mod imports;
mod keys;
mod links;
mod lists;

/// One broken rule: where, what, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Problem {
    pub(crate) file: String,
    pub(crate) message: String,
}

impl Problem {
    fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            message: message.into(),
        }
    }
}

/// Prints every broken rule of the workspace.
pub(crate) fn run(root: &Path) -> Result<ExitCode> {
    let problems = problems(root)?;
    for (file, lines) in files::long(root, &imports::packages(&cargo::metadata(root)?, root)?) {
        println!("{file}: has {lines} lines, which is fine if they are one thing");
    }
    for problem in &problems {
        println!("{}: {}", problem.file, problem.message);
    }
    if problems.is_empty() {
        println!("the workspace is tidy");
        return Ok(ExitCode::SUCCESS);
    }
    println!("\n{} problems", problems.len());
    Ok(ExitCode::FAILURE)
}

/// Every broken rule, sorted by file. An error is only returned when the workspace cannot be read at all.
pub(crate) fn problems(root: &Path) -> Result<Vec<Problem>> {
    let providers = manifest::load(root)?;
    let ids: Vec<&str> = providers.iter().map(|provider| provider.id.as_str()).collect();
    let packages = imports::packages(&cargo::metadata(root)?, root)?;
    let mut problems = imports::check(&packages, &ids);
    problems.extend(files::check(root, &packages, &ids));
    for package in &packages {
        let text = read(root, &package.manifest)?;
        problems.extend(imports::check_inheritance(&package.manifest, &text));
    }
    problems.extend(imports::check_versions(&read(root, "Cargo.toml")?, &packages));
    problems.extend(links::check(root, &packages));
    problems.extend(keys::check(root));
    problems.sort();
    problems.dedup();
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let problems = problems(&crate::workspace_root()).unwrap();
        let lines: Vec<String> = problems
            .iter()
            .map(|found| format!("{}: {}", found.file, found.message))
            .collect();
        assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
    }
}
