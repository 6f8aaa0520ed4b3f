use serde::Serialize;

use crate::{
    args::ConfigCommand,
    context::Context,
    failure::{Exit, Failure, Outcome},
    files, output,
    progress::{hint, say},
};

/// What stands for a secret.
const MASK: &str = "********";

/// The file that `config init` writes. A test reads it with everything in it.
const TEMPLATE: &str = include_str!("config/template.toml");

/// `provision config ...`
pub(super) fn run(context: &Context, command: &ConfigCommand) -> Outcome {
    match command {
        ConfigCommand::Init => init(context),
        ConfigCommand::List => list(context),
        ConfigCommand::Show => show(context),
        ConfigCommand::Path => {
            output::print(&format!("{}\n", context.config.path()?.display()))?;
            Ok(Exit::Ok)
        }
    }
}

fn init(context: &Context) -> Outcome {
    let path = context.config.path()?;
    if path.exists() {
        return Err(
            Failure::usage(format!("{} is there already: nothing was written", path.display()))
                .hint("`provision config show` shows what is in force"),
        );
    }
    let failed = |error: std::io::Error| Failure::other(format!("cannot write {}", path.display()), &error);
    if let Some(folder) = path.parent() {
        files::make_private_folder(folder).map_err(failed)?;
    }
    files::write_private(path, TEMPLATE).map_err(failed)?;
    output::print(&format!("{}\n", path.display()))?;
    hint("everything in it is a comment: uncomment what you need; `provision login` stores credentials");
    Ok(Exit::Ok)
}

#[derive(Serialize)]
struct Row<'a> {
    profile: Option<&'a str>,
    /// Whether this profile is in use.
    active: bool,
    provider: &'static str,
    settings: Vec<&'a str>,
    file: String,
}

fn list(context: &Context) -> Outcome {
    let config = &context.config;
    let mut rows = Vec::new();
    for listed in config.listed() {
        let file = if listed.stored {
            config.credentials_path()?
        } else {
            config.path()?.to_owned()
        };
        rows.push(Row {
            profile: listed.profile,
            active: listed.profile == config.profile(),
            provider: listed.provider,
            settings: listed.names,
            file: file.display().to_string(),
        });
    }
    if rows.is_empty() {
        say("nothing is configured");
        hint("`provision login` stores credentials, `provision config init` writes a file to begin with");
    }
    let lines = rows.iter().map(|row| {
        let mark = if row.active { " (in use)" } else { "" };
        vec![
            format!("{}{mark}", row.profile.unwrap_or("-")),
            row.provider.to_owned(),
            row.settings.join(", "),
            row.file.clone(),
        ]
    });
    output::rows(
        context.format(),
        &rows,
        &["PROFILE", "CLOUD", "SETTINGS", "FILE"],
        lines,
    )?;
    Ok(Exit::Ok)
}

#[derive(Serialize)]
struct Shown {
    provider: &'static str,
    setting: String,
    /// Masked when it is secret.
    value: String,
    source: String,
}

fn show(context: &Context) -> Outcome {
    let config = &context.config;
    let selection = context.selection_or_every()?;
    let mut shown = Vec::new();
    for info in &selection.infos {
        let gathered = context.gather(info, provision::Settings::new())?;
        // The home folder and the like alone are no configuration.
        if selection.is_every() && !gathered.has_credentials() && !config.mentions(info) {
            continue;
        }
        for (setting, value, source) in gathered.set() {
            shown.push(Shown {
                provider: info.id,
                setting: setting.name.to_owned(),
                value: if setting.secret {
                    MASK.to_owned()
                } else {
                    value.to_owned()
                },
                source: source.map(ToString::to_string).unwrap_or_default(),
            });
        }
        for (name, value, source) in config.of_hosts(info) {
            shown.push(Shown {
                provider: info.id,
                setting: format!("{name} of hosts"),
                value,
                source,
            });
        }
    }
    say(&format!("configuration: {}", config.path()?.display()));
    if let Some(profile) = config.profile() {
        say(&format!("profile: {profile}"));
    }
    let rows = shown.iter().map(|shown| {
        vec![
            shown.provider.to_owned(),
            shown.setting.clone(),
            shown.value.clone(),
            shown.source.clone(),
        ]
    });
    output::rows(context.format(), &shown, &["CLOUD", "SETTING", "VALUE", "FROM"], rows)?;
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_the_template_is_a_comment() {
        for line in TEMPLATE.lines() {
            assert!(line.is_empty() || line.starts_with('#'), "{line}");
        }
    }
}
