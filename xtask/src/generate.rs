//! `cargo xtask generate [--check]`: writes what follows from `providers.toml` and from the providers' own facts into
//! marked blocks of hand-written files. Everything outside of a block is left as it is.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use crate::{Result, cargo, manifest, matrix, read, write};

mod blocks;
mod facts;
mod sources;

pub(crate) use blocks::Block;

/// Whether stale blocks are written or reported.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mode {
    Write,
    Check,
}

/// Brings every generated block up to date, or says which are not.
pub(crate) fn run(root: &Path, mode: Mode) -> Result<ExitCode> {
    let providers = manifest::load(root)?;
    let mut report = Report::default();
    // First what the build needs, then what is read from a build.
    let (blocks, problems) = sources::blocks(root, &providers);
    report.problems.extend(problems);
    report.apply(root, mode, &blocks);
    report
        .problems
        .extend(matrix::faults::problems_of_the_page(root, &providers));
    match providers_json(root, mode).and_then(|json| facts::blocks(&json, &providers)) {
        Ok(blocks) => report.apply(root, mode, &blocks),
        Err(problem) => report.problems.push(problem),
    }
    Ok(report.print(mode))
}

/// The providers' facts as the code has them: the JSON of `provision providers -o json`.
fn providers_json(root: &Path, mode: Mode) -> Result<String> {
    let mut arguments = vec!["run", "--quiet"];
    if mode == Mode::Check {
        // While writing, a new crate may have to enter the lock file.
        arguments.push("--locked");
    }
    arguments.extend(["--package", "provision-cli", "--", "providers", "-o", "json"]);
    let output = cargo::run_quietly(root, &arguments)?;
    if output.success {
        return Ok(output.stdout);
    }
    let reason = output
        .stderr
        .lines()
        .find(|line| line.starts_with("error"))
        .unwrap_or("it says nothing about why");
    Err(format!(
        "README tables: `cargo {}` failed, so the providers' facts cannot be read; run it by hand to see why ({reason})",
        arguments.join(" ")
    ))
}

/// What one run found and did, file by file.
#[derive(Default)]
struct Report {
    stale: Vec<String>,
    problems: Vec<String>,
}

impl Report {
    fn apply(&mut self, root: &Path, mode: Mode, blocks: &[Block]) {
        let mut files: BTreeMap<&str, Vec<&Block>> = BTreeMap::new();
        for block in blocks {
            files.entry(&block.file).or_default().push(block);
        }
        for (file, blocks) in files {
            if let Err(problem) = self.apply_to_file(root, mode, file, &blocks) {
                self.problems.push(problem);
            }
        }
    }

    fn apply_to_file(&mut self, root: &Path, mode: Mode, file: &str, blocks: &[&Block]) -> Result<()> {
        let before = read(root, file)?;
        let mut after = before.clone();
        for block in blocks {
            match blocks::splice(&after, block.name, &block.lines) {
                Ok(text) => after = text,
                Err(problem) => self.problems.push(format!("{file}: {problem}")),
            }
        }
        if after == before {
            return Ok(());
        }
        self.stale.push(file.to_owned());
        if mode == Mode::Write {
            write(root, file, &after)
        } else {
            Ok(())
        }
    }

    fn print(&self, mode: Mode) -> ExitCode {
        for file in &self.stale {
            match mode {
                Mode::Write => println!("wrote {file}"),
                Mode::Check => println!("{file}: a generated block is stale; run `cargo xtask generate`"),
            }
        }
        for problem in &self.problems {
            println!("{problem}");
        }
        if self.problems.is_empty() && (self.stale.is_empty() || mode == Mode::Write) {
            println!("generated blocks are up to date");
            return ExitCode::SUCCESS;
        }
        ExitCode::FAILURE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_reports_a_stale_file_and_leaves_it_alone_and_write_repairs_it() {
        let root = std::env::temp_dir().join(format!("xtask-generate-{}", std::process::id()));
        let stale = "# BEGIN GENERATED x (cargo xtask generate)\nold\n# END GENERATED x\n";
        write(&root, "a.toml", stale).unwrap();
        let block = Block {
            file: "a.toml".to_owned(),
            name: "x",
            lines: vec!["new".to_owned()],
        };
        let missing = Block {
            file: "none.toml".to_owned(),
            name: "x",
            lines: vec![],
        };

        let mut report = Report::default();
        report.apply(&root, Mode::Check, &[block.clone(), missing]);
        assert_eq!(report.stale, ["a.toml"]);
        assert!(
            report.problems[0].starts_with("none.toml: cannot be read"),
            "{:?}",
            report.problems
        );
        assert_eq!(read(&root, "a.toml").unwrap(), stale);

        Report::default().apply(&root, Mode::Write, std::slice::from_ref(&block));
        assert_eq!(read(&root, "a.toml").unwrap(), stale.replace("old", "new"));
        let mut report = Report::default();
        report.apply(&root, Mode::Check, &[block]);
        assert!(report.stale.is_empty() && report.problems.is_empty());
        std::fs::remove_dir_all(root).unwrap();
    }
}
