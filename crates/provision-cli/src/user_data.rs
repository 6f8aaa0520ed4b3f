//! User data: from files to what is sent, and what is said about it before.

use std::path::Path;

use provision::{
    UserData,
    user_data::{Finding, Severity, Variables, look_at},
};

use crate::{
    args::UserDataOptions,
    failure::{Failure, Outcome},
    files,
    progress::warn,
};

/// The most bytes of a value in a file.
const MAX_VALUE: usize = 65_536;

/// One file, filled in and looked at.
pub(crate) struct Source {
    /// As the user named it.
    pub(crate) name: String,
    pub(crate) data: UserData,
    pub(crate) findings: Vec<Finding>,
}

impl Source {
    /// Something that was found, with the file and the line.
    pub(crate) fn about(&self, finding: &Finding) -> String {
        format!("{}: {finding}", self.name)
    }
}

/// Reads files, `-` being stdin, each to this many bytes at most, and fills in the variables.
pub(crate) fn read(files: &[impl AsRef<Path>], options: &UserDataOptions, max_bytes: usize) -> Outcome<Vec<Source>> {
    let mut variables = variables(options)?;
    let mut sources = Vec::new();
    for path in files {
        let path = path.as_ref();
        let name = if path == Path::new("-") {
            "stdin".to_owned()
        } else {
            path.display().to_string()
        };
        let wrong = |invalid| Failure::usage(format!("{name}: {invalid}"));
        let bytes = files::read(path, max_bytes)?;
        let text = UserData::decode(&bytes, max_bytes).map_err(wrong)?;
        let data = UserData::new(variables.fill(&text).map_err(wrong)?).map_err(wrong)?;
        let findings = look_at(&data);
        sources.push(Source { name, data, findings });
    }
    variables
        .finish()
        .map_err(|invalid| Failure::usage(format!("--var: {invalid}")))?;
    Ok(sources)
}

/// The user data of a host. What looks wrong is said; what is wrong is an error, and with `--strict` both are.
pub(crate) fn of_host(files: &[impl AsRef<Path>], options: &UserDataOptions, max_bytes: usize) -> Outcome<UserData> {
    let sources = read(files, options, max_bytes)?;
    let mut refused = Vec::new();
    for (source, finding) in all(&sources) {
        if is_error(finding, options.strict) {
            refused.push(source.about(finding));
        } else {
            warn(&source.about(finding));
        }
    }
    let mut refused = refused.into_iter();
    if let Some(first) = refused.next() {
        let failure = refused.fold(Failure::usage(first), |failure, next| {
            failure.hint(format!("also {next}"))
        });
        return Err(failure.hint("nothing was sent; look again with `provision user-data check`"));
    }
    let parts: Vec<UserData> = sources.into_iter().map(|source| source.data).collect();
    Ok(UserData::combine(&parts)?)
}

/// Every finding with its file.
pub(crate) fn all(sources: &[Source]) -> impl Iterator<Item = (&Source, &Finding)> {
    sources
        .iter()
        .flat_map(|source| source.findings.iter().map(move |finding| (source, finding)))
}

pub(crate) fn is_error(finding: &Finding, strict: bool) -> bool {
    strict || finding.severity == Severity::Error
}

fn variables(options: &UserDataOptions) -> Outcome<Variables> {
    let mut variables = Variables::new();
    for (name, value) in &options.variables {
        let value = match value.strip_prefix('@') {
            Some(path) => {
                let bytes = files::read(&files::expand_home(path), MAX_VALUE)?;
                let text = String::from_utf8(bytes)
                    .map_err(|_| Failure::usage(format!("--var {name}: {path} is not UTF-8 text")))?;
                text.trim_end_matches(['\r', '\n']).to_owned()
            }
            None => value.clone(),
        };
        let named = |invalid| Failure::usage(format!("--var: {invalid}"));
        variables.insert(name, value).map_err(named)?;
    }
    Ok(variables)
}
