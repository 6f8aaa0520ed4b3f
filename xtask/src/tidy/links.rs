//! Relative links in Markdown must lead to a file.

use std::path::Path;

use super::Problem;
use super::imports::Package;
use crate::read;

const ROOT_FILES: [&str; 3] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"];

/// Checks the pages at the root, which must exist, and the crates' pages.
pub(super) fn check(root: &Path, packages: &[Package]) -> Vec<Problem> {
    let crates = packages
        .iter()
        .flat_map(|package| ["README.md", "CHANGELOG.md"].map(|file| format!("{}/{file}", package.folder())));
    let pages = crates
        .filter(|page| root.join(page).is_file())
        .chain(packages.iter().flat_map(|package| documents(root, package.folder())))
        .chain(ROOT_FILES.map(str::to_owned));
    pages
        .flat_map(|page| match read(root, &page) {
            Ok(text) => check_page(&page, &text, |target| root.join(target).exists()),
            Err(_) => vec![Problem::new(page, "is missing; readers and links expect it")],
        })
        .collect()
}

/// The further pages of a crate: `docs/*.md`.
fn documents(root: &Path, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(root.join(folder).join("docs"))
        .into_iter()
        .flatten()
        .flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| name.ends_with(".md"))
        .map(|name| format!("{folder}/docs/{name}"))
        .collect()
}

fn check_page(page: &str, text: &str, exists: impl Fn(&Path) -> bool) -> Vec<Problem> {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let missing = |target: &str| !exists(&folder.join(target.split(['#', '?']).next().unwrap_or_default()));
    let message = |target: &str| format!("links to `{target}`, which does not exist; paths are relative to the page");
    let targets = relative_targets(text).into_iter().filter(|target| missing(target));
    targets.map(|target| Problem::new(page, message(target))).collect()
}

/// The targets of links that are paths. Web addresses, anchors and links to Rust items (`crate::Host`) are not.
fn relative_targets(text: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if !fenced {
            targets.extend(targets_of_line(line));
        }
    }
    targets.retain(|target| {
        let has_scheme = target.split_once(':').is_some();
        !has_scheme && !target.is_empty() && !target.starts_with('#') && (target.contains('.') || target.contains('/'))
    });
    targets
}

fn targets_of_line(line: &str) -> Vec<&str> {
    let definition = line
        .trim_start()
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("]: "));
    let inline = line
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split([')', ' ']).next());
    let defined = definition.and_then(|(_, rest)| rest.split_whitespace().next());
    inline
        .chain(defined)
        .map(|target| target.trim_matches(['<', '>']))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(text: &str) -> Vec<String> {
        let exists = |path: &Path| path == Path::new("crates/x/a.md") || path == Path::new("crates/x/../../LICENSE.md");
        check_page("crates/x/README.md", text, exists)
            .into_iter()
            .map(|problem| problem.message)
            .collect()
    }

    #[test]
    fn links_to_files_that_exist_and_to_the_web_are_fine() {
        let text = "[a](a.md) [b](a.md#part) [c](https://example.com/x.md) [d](#part) [`Host`](crate::Host)\n\
                    [e](../../LICENSE.md \"title\") [f](mailto:a@example.com)\n[g]: a.md\n[`Host`]: provision_core::Host\n\
                    ```\n[h](missing.md)\n```\n";
        assert_eq!(broken(text), Vec::<String>::new());
    }

    #[test]
    fn links_to_nothing_are_found() {
        for text in [
            "[a](b.md)",
            "x [a](a.md) y [b](b/c.md) z",
            "[a](<b.md>)",
            "[a]: b.md",
            "![a](b.png \"c\")",
            "[a](b/)",
        ] {
            assert_eq!(broken(text).len(), 1, "{text}");
        }
    }
}
