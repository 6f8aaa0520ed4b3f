//! The keys of a cloud-config and their types, as cloud-init's own schema has them.

use std::collections::BTreeMap;

/// Written by `cargo xtask cloud-config`; the file says what it was made from.
const TABLE: &str = include_str!("keys.txt");

/// What may stand in a place.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rule {
    /// Separated by `|`; `any` for anything.
    types: &'static str,
    /// A map may have keys that are not listed.
    pub(super) open: bool,
    /// Keys that a map needs, separated by commas; empty for none.
    needs: &'static str,
    /// What to use instead; empty when it is not deprecated.
    pub(super) deprecated: &'static str,
}

impl Rule {
    /// Of the whole cloud-config.
    pub(super) const TOP: Self = Self {
        types: "map",
        open: false,
        needs: "",
        deprecated: "",
    };

    pub(super) fn allows(&self, name: &str) -> bool {
        self.is_any() || self.types.split('|').any(|known| known == name)
    }

    pub(super) fn is_any(&self) -> bool {
        self.types == "any"
    }

    pub(super) fn types(&self) -> Vec<&'static str> {
        self.types.split('|').collect()
    }

    pub(super) fn needs(&self) -> impl Iterator<Item = &'static str> {
        self.needs.split(',').filter(|key| !key.is_empty())
    }
}

/// The table, by path: `write_files[].path`.
pub(super) struct Keys(BTreeMap<&'static str, Rule>);

impl Keys {
    pub(super) fn load() -> Self {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        Self(lines.filter_map(parse).collect())
    }

    pub(super) fn rule(&self, path: &str) -> Option<Rule> {
        self.0.get(path).copied()
    }

    /// The names that are listed right below a path; at the top for an empty one.
    pub(super) fn below<'a>(&'a self, path: &str) -> impl Iterator<Item = &'static str> + use<'a> {
        let prefix = if path.is_empty() {
            String::new()
        } else {
            format!("{path}.")
        };
        let names = self
            .0
            .keys()
            .filter_map(move |known| known.strip_prefix(prefix.as_str()));
        names.filter(|name| !name.contains(['.', '[']))
    }
}

fn parse(line: &'static str) -> Option<(&'static str, Rule)> {
    let (line, deprecated) = line.split_once(" deprecated: ").unwrap_or((line, ""));
    let mut words = line.split(' ');
    let (path, types) = (words.next()?, words.next()?);
    let mut rule = Rule {
        types,
        deprecated,
        ..Rule::default()
    };
    while let Some(word) = words.next() {
        match word {
            "open" => rule.open = true,
            "needs" => rule.needs = words.next()?,
            _ => return None,
        }
    }
    Some((path, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table_is_understood() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
        let kinds = ["any", "bool", "int", "list", "map", "null", "number", "text"];
        let mut count = 0;
        for line in lines {
            let (path, rule) = parse(line).unwrap_or_else(|| panic!("{line}"));
            assert!(rule.types().iter().all(|name| kinds.contains(name)), "{path}");
            count += 1;
        }
        assert_eq!(Keys::load().0.len(), count, "a path stands twice");
        let keys = Keys::load();
        assert_eq!(keys.rule("runcmd").unwrap().types(), ["list"]);
        let files = keys.rule("write_files[]").unwrap();
        assert_eq!(files.needs().collect::<Vec<_>>(), ["path"]);
        assert!(!files.open && keys.below("write_files[]").any(|name| name == "content"));
        assert!(keys.below("").any(|name| name == "packages"));
        assert!(keys.rule("apt_update").unwrap().deprecated.contains("package_update"));
    }
}
