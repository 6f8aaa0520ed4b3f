//! No private key stands in a file as PEM: secret scanners stop a push for it, whatever it opens.

use std::path::Path;

use super::Problem;

/// Checks every text file of the repository.
pub(super) fn check(root: &Path) -> Vec<Problem> {
    let mut problems = Vec::new();
    look(root, "", &mut problems);
    problems
}

fn look(root: &Path, folder: &str, problems: &mut Vec<Problem>) {
    for entry in std::fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let inside = format!("{folder}{name}");
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && !["target", ".git"].contains(&name.as_str()) => {
                look(root, &format!("{inside}/"), problems);
            }
            Ok(kind) if kind.is_file() => {
                // What is no text is no PEM.
                let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
                if holds_key(&text) {
                    problems.push(Problem::new(
                        inside,
                        "holds a private key as PEM; keep a test's key as a `.der` file, or make it in the test",
                    ));
                }
            }
            _ => {}
        }
    }
}

/// Whether after a header, in lines or in a JSON string, a key follows.
fn holds_key(text: &str) -> bool {
    text.split("PRIVATE KEY-----").skip(1).any(|rest| {
        let rest = rest.trim_start_matches(['\\', 'n', 'r', '\r', '\n', ' ', '"']);
        let key = rest
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(byte));
        key.count() >= 40
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_told_from_words_about_one() {
        let (label, key) = ("PRIVATE KEY", "MIIEvQ".repeat(10));
        assert!(holds_key(&format!(
            "-----BEGIN {label}-----\n{key}\n-----END {label}-----\n"
        )));
        assert!(holds_key(&format!(
            "{{\"key\": \"-----BEGIN RSA {label}-----\\n{key}\\n\"}}"
        )));
        assert!(!holds_key(
            "a PEM text that starts with `-----BEGIN PRIVATE KEY-----`, then the key"
        ));
        assert!(!holds_key(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n"
        ));
    }
}
