use provision::{ProviderInfo, UserDataKind, user_data::Finding};
use serde::Serialize;

use crate::{
    args::{CheckArgs, Format, UserDataCommand},
    context::Context,
    failure::{Exit, Outcome},
    output,
    progress::say,
    user_data::{self, Source},
};

/// `provision user-data ...`
pub(super) fn run(context: &Context, command: &UserDataCommand) -> Outcome {
    match command {
        UserDataCommand::Check(args) => check(context, args),
    }
}

/// A file as a document.
#[derive(Serialize)]
struct Checked<'a> {
    file: &'a str,
    kind: UserDataKind,
    bytes: usize,
    /// Clouds that do not take so much.
    too_large_for: Vec<TooLarge>,
    findings: &'a [Finding],
}

#[derive(Serialize)]
struct TooLarge {
    provider: &'static str,
    max_bytes: usize,
}

fn check(context: &Context, args: &CheckArgs) -> Outcome {
    // Of the cloud that is named, and of all when none is.
    let selection = context.selection_or_every()?;
    // More than one cloud takes is read as well, to say that it is too large.
    let max_bytes = provision::providers()
        .iter()
        .map(|info| info.user_data.max_text())
        .max()
        .unwrap_or_default();
    let sources = user_data::read(&args.files, &args.options, max_bytes)?;
    let checked: Vec<Checked<'_>> = sources
        .iter()
        .map(|source| Checked {
            file: &source.name,
            kind: source.data.kind(),
            bytes: source.data.len(),
            too_large_for: too_large_for(source, &selection.infos),
            findings: &source.findings,
        })
        .collect();
    if context.format() == Format::Table {
        for checked in &checked {
            output::print(&lines(checked))?;
        }
    } else {
        output::document(context.format(), &checked)?;
    }
    let findings = user_data::all(&sources).map(|(_, finding)| finding);
    let errors = findings
        .filter(|finding| user_data::is_error(finding, args.options.strict))
        .count();
    let too_large = !selection.is_every() && checked.iter().any(|checked| !checked.too_large_for.is_empty());
    Ok(if errors > 0 || too_large {
        if errors > 0 {
            say(&format!("{errors} to mend"));
        }
        Exit::Usage
    } else {
        Exit::Ok
    })
}

fn too_large_for(source: &Source, clouds: &[&'static ProviderInfo]) -> Vec<TooLarge> {
    clouds
        .iter()
        .filter(|info| source.data.check(info.title, info.user_data).is_err())
        .map(|info| TooLarge {
            provider: info.id,
            max_bytes: info.user_data.max_bytes,
        })
        .collect()
}

/// As compilers write it: file, line, how bad, what.
fn lines(checked: &Checked<'_>) -> String {
    let file = checked.file;
    let kind = serde_json::to_value(checked.kind).unwrap_or_default();
    let mut text = format!("{file}: {}, {} bytes", kind.as_str().unwrap_or_default(), checked.bytes);
    if checked.findings.is_empty() {
        text.push_str(": nothing looks wrong");
    }
    text.push('\n');
    for finding in checked.findings {
        let word = serde_json::to_value(finding.severity).unwrap_or_default();
        let place = match (finding.part, finding.line) {
            (None, Some(line)) => format!("{file}:{line}"),
            (Some(part), Some(line)) => format!("{file}: part {part}, line {line}"),
            (Some(part), None) => format!("{file}: part {part}"),
            (None, None) => file.to_owned(),
        };
        text.push_str(&format!(
            "{place}: {}: {}\n",
            word.as_str().unwrap_or_default(),
            finding.message
        ));
    }
    if !checked.too_large_for.is_empty() {
        let clouds: Vec<String> = checked
            .too_large_for
            .iter()
            .map(|cloud| format!("{} ({} bytes)", cloud.provider, cloud.max_bytes))
            .collect();
        text.push_str(&format!("{file}: too large for {}\n", clouds.join(", ")));
    }
    text
}
