//! What runs the garbage collection every hour: a timer of systemd, a line for cron, a workflow of GitHub.

use std::path::Path;

use provision::{SettingInfo, SettingRole};

use crate::{
    args::{GcArgs, InstallKind},
    context::{Context, Selection, may_be_shown},
    duration,
    failure::{Exit, Failure, Outcome},
    files, id, output,
    progress::hint,
};

/// The clouds on which it runs.
struct Clouds {
    /// As `-p` takes them.
    names: String,
    /// In the name of the unit or job. Each profile has one of its own.
    unit: String,
    /// For people.
    title: String,
    /// The variables that hold the credentials, or without which nothing goes.
    variables: Vec<&'static str>,
}

/// Prints it. Nothing is installed, and no secret is in it.
pub(super) fn print(context: &Context, selection: &Selection, args: &GcArgs, kind: InstallKind) -> Outcome {
    let profile = context.config.profile().filter(|_| context.config.profile_is_chosen());
    let clouds = Clouds::of(selection, profile);
    let words = words(context, &clouds, args, kind)?;
    let text = match kind {
        InstallKind::Systemd => systemd(&clouds, &words),
        InstallKind::Cron => cron(&clouds, &words),
        InstallKind::GithubActions => workflow(&clouds, &words),
    };
    output::print(&text)?;
    let names = clouds.variables.join(", ");
    let options = options(args);
    let words = ["-p", &clouds.names, "gc", "--install", kind.as_str()].into_iter();
    let words: Vec<&str> = words.chain(options.iter().map(String::as_str)).collect();
    let use_it = context.command(&words);
    match kind {
        InstallKind::Systemd => {
            hint(&format!("install it: {use_it} | sh"));
            hint(&format!(
                "it has none of your shell's variables: keep the credentials in the configuration file, or write {names} into ~/.config/provision/gc.env (chmod 600)"
            ));
        }
        InstallKind::Cron => {
            hint(&format!("install it: (crontab -l; {use_it}) | crontab -"));
            hint("it has none of your shell's variables: keep the credentials in the configuration file");
        }
        InstallKind::GithubActions => {
            hint("save it as .github/workflows/provision-gc.yaml");
            hint(&format!(
                "add the credentials in the repository's settings, under Secrets and variables > Actions, as far as they are needed: {names}"
            ));
        }
    }
    Ok(Exit::Ok)
}

impl Clouds {
    fn of(selection: &Selection, profile: Option<&str>) -> Self {
        let ids: Vec<&str> = selection.infos.iter().map(|info| info.id).collect();
        let titles: Vec<&str> = selection.infos.iter().map(|info| info.title).collect();
        let needed =
            |setting: &&SettingInfo| setting.secret || setting.required || setting.role == SettingRole::Credential;
        let settings = selection.infos.iter().flat_map(|info| info.settings);
        let mut variables = Vec::new();
        for name in settings
            .filter(needed)
            .filter_map(|setting| setting.env.first().copied())
        {
            if !variables.contains(&name) {
                variables.push(name);
            }
        }
        let (names, title) = if selection.is_every() {
            ("all".to_owned(), "every cloud".to_owned())
        } else {
            (ids.join(","), titles.join(", "))
        };
        let plain = |c: char| if c.is_alphanumeric() || c == '_' { c } else { '-' };
        let words = std::iter::once(names.as_str()).chain(profile);
        let unit = words.collect::<Vec<_>>().join("-").chars().map(plain).collect();
        Self {
            names,
            unit,
            title: match profile {
                Some(profile) => format!("{title}, profile {profile}"),
                None => title,
            },
            variables,
        }
    }
}

/// The options of `gc` that are given.
fn options(args: &GcArgs) -> Vec<String> {
    let mut options = Vec::new();
    if let Some(region) = &args.region {
        options.extend(["--region".to_owned(), region.clone()]);
    }
    if args.timeout.0 != GcArgs::TIMEOUT {
        options.extend(["--timeout".to_owned(), duration::short(args.timeout.0)]);
    }
    options
}

/// The command that is run, word by word.
fn words(context: &Context, clouds: &Clouds, args: &GcArgs, kind: InstallKind) -> Outcome<Vec<String>> {
    let globals = &context.globals;
    if globals.sim || globals.sim_state.is_some() {
        return Err(Failure::usage(
            "gc --install is for real clouds: nothing bills in a simulated one",
        ));
    }
    let absolute = |path: &Path| {
        let path =
            std::path::absolute(path).map_err(|error| Failure::other("cannot find the current folder", &error))?;
        Ok::<_, Failure>(path.display().to_string())
    };
    let elsewhere = kind == InstallKind::GithubActions;
    let mut words = Vec::new();
    if elsewhere {
        words.push("provision".to_owned());
    } else {
        let binary = std::env::current_exe().map_err(|error| Failure::other("cannot find this program", &error))?;
        words.push(absolute(&binary)?);
    }
    if let (Some(file), false) = (&globals.config, elsewhere) {
        words.extend(["--config".to_owned(), absolute(file)?]);
    }
    if let Some(profile) = context.config.profile().filter(|_| context.config.profile_is_chosen()) {
        if elsewhere {
            return Err(Failure::usage(format!(
                "there is no profile `{profile}` on GitHub's machines: leave it out, the secrets come from the repository's settings"
            )));
        }
        words.extend(["--profile".to_owned(), profile.to_owned()]);
    }
    if let Some(endpoint) = &globals.endpoint {
        words.extend(["--endpoint".to_owned(), endpoint.clone()]);
    }
    for (name, value) in &globals.settings {
        if !may_be_shown(name) {
            return Err(Failure::usage(format!(
                "`{name}` may be a secret, which does not belong into what is printed: leave --set {name} out"
            ))
            .hint("keep it in the configuration file, or in the environment of what runs gc"));
        }
        words.extend(["--set".to_owned(), format!("{name}={value}")]);
    }
    for (name, file) in &globals.secret_files {
        if elsewhere {
            return Err(Failure::usage(format!(
                "there is no file {file} on GitHub's machines: leave --secret-file out, the secrets come from the repository's settings"
            )));
        }
        let file = absolute(&files::expand_home(file))?;
        words.extend(["--secret-file".to_owned(), format!("{name}={file}")]);
    }
    words.extend(["-p", &clouds.names, "gc", "--delete"].map(str::to_owned));
    words.extend(options(args));
    match words
        .iter()
        .find(|word| word.chars().any(char::is_control) || word.contains("${{"))
    {
        Some(word) => Err(Failure::usage(format!("{word:?} cannot stand in what is printed"))),
        None => Ok(words),
    }
}

fn systemd(clouds: &Clouds, words: &[String]) -> String {
    // https://www.freedesktop.org/software/systemd/man/latest/systemd.service.html#Command%20lines
    let word = |word: &String| {
        let word = word.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{}\"", word.replace('%', "%%").replace('$', "$$"))
    };
    let command: Vec<String> = words.iter().map(word).collect();
    format!(
        r#"set -e
units="${{XDG_CONFIG_HOME:-$HOME/.config}}/systemd/user"
mkdir -p "$units"
cat > "$units/provision-gc-{id}.service" <<'END OF UNIT'
[Unit]
Description=Delete expired hosts on {title}

[Service]
Type=oneshot
EnvironmentFile=-%h/.config/provision/gc.env
ExecStart={command}
END OF UNIT
cat > "$units/provision-gc-{id}.timer" <<'END OF UNIT'
[Unit]
Description=Delete expired hosts on {title} every hour

[Timer]
OnCalendar=hourly
RandomizedDelaySec=5m
Persistent=true

[Install]
WantedBy=timers.target
END OF UNIT
systemctl --user daemon-reload
systemctl --user enable --now provision-gc-{id}.timer
"#,
        id = clouds.unit,
        title = clouds.title,
        command = command.join(" "),
    )
}

fn cron(clouds: &Clouds, words: &[String]) -> String {
    let command: Vec<String> = words.iter().map(|word| id::quoted(word)).collect();
    // A percent sign ends the command: crontab(5).
    let command = command.join(" ").replace('%', "\\%");
    format!(
        "# Delete expired hosts on {} every hour\n17 * * * * {command}\n",
        clouds.title
    )
}

fn workflow(clouds: &Clouds, words: &[String]) -> String {
    let command: Vec<String> = words.iter().map(|word| id::quoted(word)).collect();
    let secrets: String = clouds
        .variables
        .iter()
        .map(|name| format!("          {name}: ${{{{ secrets.{name} }}}}\n"))
        .collect();
    format!(
        r#"name: Delete expired hosts on {title}
on:
  schedule:
    - cron: "17 * * * *"
  workflow_dispatch:
permissions: {{}}
concurrency: provision-gc-{id}
jobs:
  gc:
    runs-on: ubuntu-latest
    timeout-minutes: 60
    steps:
      - run: cargo install --locked --git {repository} provision-cli
      - run: |
          {command}
        env:
{secrets}"#,
        id = clouds.unit,
        title = clouds.title,
        repository = env!("CARGO_PKG_REPOSITORY"),
        command = command.join(" "),
    )
}
