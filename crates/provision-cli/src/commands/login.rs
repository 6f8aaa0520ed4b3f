//! `provision login`: asks for the credentials of a cloud, looks whether they work, and stores them.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, IsTerminal as _, Read as _},
};

use console::Term;
use provision::{ErrorKind, ListFilter, ProviderInfo, SettingInfo, SettingRole, Settings};

use crate::{
    args::LoginArgs,
    context::Context,
    failure::{Exit, Failure, Outcome},
    id,
    progress::{hint, say, warn},
    settings::{Gathered, Source},
};

/// The most bytes of a line on stdin.
const MAX_LINE: u64 = 65_536;

pub(super) async fn run(context: &Context, args: &LoginArgs) -> Outcome {
    let info = context.provider()?;
    if context.globals.sim {
        return Err(Failure::usage(
            "a simulated cloud needs no credentials: leave --sim out",
        ));
    }
    let mut gathered = context.options(info)?;
    gathered.settings.check_names(info)?;
    say(&format!("{}: make credentials at {}", info.title, info.login.url));
    for name in info.login.settings {
        if !gathered.has(name) {
            let value = ask(info, name)?;
            gathered.replace(name, value, Source::Typed)?;
        }
    }
    check(context, args, &gathered).await?;
    let path = context.config.store(info, table(&gathered)?)?;
    let profile = context
        .config
        .profile()
        .map(|name| format!(" for profile {name}"))
        .unwrap_or_default();
    say(&format!(
        "stored{profile} in {}, which only you can read",
        path.display()
    ));
    warn_about_precedence(context, info, &gathered, &Source::File(path));
    let mut words = vec!["-p", info.id];
    if let Some(profile) = &context.globals.profile {
        words.extend(["--profile", profile]);
    }
    let words: Vec<String> = words.into_iter().map(id::quoted).collect();
    hint(&format!("look at your hosts: provision {} list", words.join(" ")));
    Ok(Exit::Ok)
}

/// One setting, from the terminal or from the next line on stdin. A secret is not shown while it is typed.
fn ask(info: &ProviderInfo, name: &str) -> Outcome<String> {
    let failed = |error: io::Error| Failure::other(format!("cannot read `{name}`"), &error);
    let setting = info.settings.iter().find(|setting| setting.name == name);
    let value = if io::stdin().is_terminal() {
        let help = setting.map_or("", |setting| setting.help);
        let terminal = Term::stderr();
        terminal.write_str(&format!("{name} ({help}): ")).map_err(failed)?;
        if setting.is_some_and(|setting| setting.secret) {
            terminal.read_secure_line().map_err(failed)?
        } else {
            terminal.read_line().map_err(failed)?
        }
    } else {
        let mut line = String::new();
        io::stdin().lock().take(MAX_LINE).read_line(&mut line).map_err(failed)?;
        line
    };
    if value.trim().is_empty() {
        return Err(Failure::new(
            Exit::Credentials,
            format!("nothing was given for `{name}`: nothing was stored"),
        ));
    }
    Ok(value)
}

/// A list of our hosts, which changes nothing and needs valid credentials on every cloud.
async fn check(context: &Context, args: &LoginArgs, gathered: &Gathered) -> Outcome<()> {
    let info = gathered.info();
    gathered.check_complete()?;
    let provisioner = provision::connect(info.id, &gathered.settings)?;
    match provisioner.list(&ListFilter::all()).await {
        Ok(_) => say(&format!("{} accepts them", info.title)),
        Err(error) if matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Forbidden) => {
            return Err(Failure::from(error).hint("nothing was stored"));
        }
        Err(error) if args.no_check => warn(&format!("whether they work is not known: {error}")),
        Err(error) => {
            let again = context.command(&["-p", info.id, "login", "--no-check"]);
            return Err(Failure::from(error).hint(format!("nothing was stored; to store them all the same: {again}")));
        }
    }
    Ok(())
}

/// What is stored: the settings that were given.
fn table(gathered: &Gathered) -> Outcome<BTreeMap<String, String>> {
    let mut table = BTreeMap::new();
    for (setting, value, _) in gathered.set() {
        table.insert(setting.name.to_owned(), lasting(setting, value)?);
    }
    Ok(table)
}

/// A path is stored so that it leads to the file from everywhere.
fn lasting(setting: &SettingInfo, value: &str) -> Outcome<String> {
    if setting.role != SettingRole::File || !value.contains(['/', '\\']) && !std::path::Path::new(value).exists() {
        return Ok(value.to_owned());
    }
    let path =
        std::path::absolute(value).map_err(|error| Failure::other("cannot find the file's whole path", &error))?;
    Ok(path.display().to_string())
}

fn warn_about_precedence(context: &Context, info: &'static ProviderInfo, stored: &Gathered, here: &Source) {
    let mut now = Gathered::new(info, Settings::new());
    if now.fill(&context.config).is_err() {
        return;
    }
    for (setting, ..) in stored.set() {
        if let Some(source) = now.source(setting.name).filter(|source| *source != here) {
            warn(&format!("{source} also has `{}`, and comes first", setting.name));
        }
    }
}
