//! Host ids as they are printed and typed: `provider/id`.

use provision::{HostId, HostRef, ProviderInfo};

use crate::failure::{Failure, Outcome};

/// The id with its provider, as every output shows it.
pub(crate) fn shown(provider: &str, id: &HostId) -> String {
    HostRef::new(provider, id.clone()).to_string()
}

/// Takes apart what a user typed: the provider before the first slash, if one is there, and the id.
pub(crate) fn split(text: &str) -> (Option<&str>, &str) {
    match text.split_once('/') {
        Some((provider, id)) => (Some(provider), id),
        None => (None, text),
    }
}

/// The provider that an id and the option `-p` agree on, if any of them names one.
pub(crate) fn agree(prefix: Option<&str>, option: Option<&str>) -> Outcome<Option<&'static ProviderInfo>> {
    let prefix = prefix.map(provision::find).transpose()?;
    let option = option.map(provision::find).transpose()?;
    match (prefix, option) {
        (Some(prefix), Some(option)) if prefix.id != option.id => Err(Failure::usage(format!(
            "the id is of `{}`, but -p says `{}`: leave -p out, the id names its provider",
            prefix.id, option.id
        ))),
        (prefix, option) => Ok(prefix.or(option)),
    }
}

/// A word of a shell command, in single quotes where the shell would read it otherwise.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_need_no_quotes_and_other_words_may() {
        let id = HostId::new("web1|europe-west1-b|my-project").unwrap();
        assert_eq!(quoted(&shown("gce", &id)), "gce/web1/europe-west1-b/my-project");
        let id = HostId::new("512345678").unwrap();
        assert_eq!(quoted(&shown("digitalocean", &id)), "digitalocean/512345678");
        assert_eq!(quoted("a'b c"), r"'a'\''b c'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("$HOME"), "'$HOME'");
    }

    #[test]
    fn what_is_printed_is_understood() {
        let id = HostId::new("web1|zone|project").unwrap();
        let text = shown("gce", &id);
        assert_eq!(split(&text), (Some("gce"), "web1/zone/project"));
        assert_eq!(split("gce/web1|zone|project"), (Some("gce"), "web1|zone|project"));
        assert_eq!(split("512345678"), (None, "512345678"));
    }
}
