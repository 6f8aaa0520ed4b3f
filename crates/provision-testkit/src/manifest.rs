use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml::{Table, Value};

use crate::Failure;

/// The list of clouds in `providers.toml`, as far as tests need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Its rows, in the order of their ids.
    pub rows: Vec<ManifestRow>,
}

/// One cloud of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ManifestRow {
    /// The provider's id.
    pub id: String,
    /// How many requests each operation costs.
    pub requests: BTreeMap<String, u64>,
    /// The contract cases that are left out, with the reason for each.
    pub skip: BTreeMap<String, String>,
}

impl Manifest {
    /// Reads the `providers.toml` in the given folder or the nearest one above it.
    ///
    /// # Errors
    /// [`Failure`] when there is none, or it does not have the expected form.
    pub fn find(folder: impl AsRef<Path>) -> Result<Self, Failure> {
        let folder = folder.as_ref();
        let file: PathBuf = folder
            .ancestors()
            .map(|above| above.join("providers.toml"))
            .find(|file| file.is_file())
            .ok_or_else(|| {
                Failure::new(format!(
                    "no providers.toml in {} or a folder above it",
                    folder.display()
                ))
            })?;
        let text = std::fs::read_to_string(&file)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
        Self::parse(&text)
    }

    /// Reads a manifest's text.
    ///
    /// # Errors
    /// [`Failure`] naming what does not have the expected form, or a skipped case that does not exist.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let wrong = |what: String| Failure::new(format!("providers.toml: {what}"));
        let table: Table = text.parse().map_err(|error| wrong(format!("{error}")))?;
        let rows = table.get("provider").and_then(Value::as_array);
        let mut rows = rows
            .into_iter()
            .flatten()
            .map(|row| row_of(row).map_err(&wrong))
            .collect::<Result<Vec<_>, _>>()?;
        rows.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(Self { rows })
    }

    /// The row of a provider.
    ///
    /// # Errors
    /// [`Failure`] when it has none.
    pub fn row(&self, id: &str) -> Result<&ManifestRow, Failure> {
        self.rows
            .iter()
            .find(|row| row.id == id)
            .ok_or_else(|| Failure::new(format!("providers.toml has no row for `{id}`")))
    }
}

fn row_of(row: &Value) -> Result<ManifestRow, String> {
    let id = row.get("id").and_then(Value::as_str).ok_or("a row has no id")?;
    let entries = |key: &str| row.get(key).and_then(Value::as_table).into_iter().flatten();
    let mut requests = BTreeMap::new();
    for (operation, count) in entries("requests") {
        let count = count.as_integer().and_then(|count| u64::try_from(count).ok());
        let count = count.ok_or(format!("{id}: requests of `{operation}` is not a whole number"))?;
        requests.insert(operation.clone(), count);
    }
    let mut skip = BTreeMap::new();
    for (case, reason) in entries("skip") {
        if !crate::contract::cases().iter().any(|known| known.name == case) {
            return Err(format!("{id}: skip names `{case}`, which is no contract case"));
        }
        let reason = reason.as_str().filter(|reason| !reason.trim().is_empty());
        let reason = reason.ok_or(format!("{id}: skip of `{case}` gives no reason"))?;
        skip.insert(case.clone(), reason.to_owned());
    }
    Ok(ManifestRow {
        id: id.to_owned(),
        requests,
        skip,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_nonsense_is_refused() {
        let good = "[[provider]]\nid = \"b\"\nrequests = { list = 2 }\nskip = { sold_out = \"never told\" }\n[[provider]]\nid = \"a\"\n";
        let manifest = Manifest::parse(good).unwrap();
        assert_eq!(manifest.rows[0].id, "a");
        let row = manifest.row("b").unwrap();
        assert_eq!((row.requests["list"], row.skip["sold_out"].as_str()), (2, "never told"));
        for (from, to, expected) in [
            ("= 2", "= -2", "not a whole number"),
            ("sold_out", "sold_owt", "no contract case"),
            ("never told", " ", "gives no reason"),
        ] {
            let error = Manifest::parse(&good.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        assert!(manifest.row("c").is_err());
    }
}
