//! What every command needs: which cloud, configured how, and how to print a command that reaches it again.

use std::{path::Path, time::Duration};

use provision::{HostId, ProviderInfo, Provisioner, Settings, wait::Pace};

use crate::{
    args::{Format, Globals},
    config::{self, Config},
    failure::{Failure, Outcome},
    id,
    progress::{say, warn},
    seen::Seeing,
    simulator,
};

/// The provider when nothing names one.
pub(crate) const DEFAULT_PROVIDER: &str = "digitalocean";

/// The options of the command line together with the configuration file.
pub(crate) struct Context {
    pub(crate) globals: Globals,
    pub(crate) config: Config,
    /// What variables of a command's own say: behind the options, before the cloud's own variables.
    pub(crate) variables: Settings,
}

/// A cloud, ready for calls.
pub(crate) struct Cloud {
    pub(crate) provisioner: Box<dyn Provisioner>,
    /// Serves the simulated cloud as long as it lives.
    _simulator: Option<provision_sim::Server>,
    simulated: bool,
}

impl Cloud {
    /// How often to ask, for how long.
    pub(crate) fn pace(&self, timeout: Duration) -> Pace {
        let mut pace = Pace::within(timeout);
        if self.simulated {
            pace.interval = Duration::from_millis(300);
            pace.backoff = Duration::from_millis(100);
        }
        pace
    }
}

impl Context {
    pub(crate) fn new(globals: Globals) -> Outcome<Self> {
        if globals.sim && globals.endpoint.is_some() {
            return Err(Failure::usage(
                "--sim and --endpoint both say where the cloud is: use one",
            ));
        }
        let config = Config::load(globals.config.as_deref())?;
        Ok(Self {
            globals,
            config,
            variables: Settings::new(),
        })
    }

    pub(crate) fn format(&self) -> Format {
        self.globals.output
    }

    /// The provider that the options, the environment or the configuration name.
    pub(crate) fn provider(&self) -> Outcome<&'static ProviderInfo> {
        let variable = std::env::var("PROVISION_PROVIDER").ok().filter(|name| !name.is_empty());
        let name = self.globals.provider.clone().or(variable);
        let name = name.or_else(|| self.config.default_provider.clone());
        Ok(provision::find(name.as_deref().unwrap_or(DEFAULT_PROVIDER))?)
    }

    /// The provider and the id of an id as the user typed it, with or without its provider.
    pub(crate) fn host_id(&self, text: &str) -> Outcome<(&'static ProviderInfo, HostId)> {
        let (prefix, bare) = id::split(text);
        let info = match id::agree(prefix, self.globals.provider.as_deref())? {
            Some(info) => info,
            None => self.provider()?,
        };
        Ok((info, HostId::from_text(bare)?))
    }

    /// Connects to a cloud, or to its simulation. No request is made yet.
    pub(crate) async fn connect(&self, info: &'static ProviderInfo) -> Outcome<Cloud> {
        let mut simulator = None;
        let mut settings = Settings::new();
        if self.globals.sim {
            say(&format!("simulated {}: nothing here is real or bills", info.title));
            let sim = simulator::open(&self.globals)?;
            let (server, simulated) = simulator::serve(&sim, info.id).await?;
            simulator = Some(server);
            settings = simulated;
        } else if self.globals.sim_state.is_some() {
            return Err(Failure::usage("--sim-state needs --sim"));
        }
        self.take_options(info, &mut settings)?;
        // Real credentials are neither needed by the simulator nor any of its business.
        if !self.globals.sim {
            for name in self.variables.names() {
                if let (None, Some(value)) = (settings.get(name), self.variables.get(name)) {
                    settings.set(name, value);
                }
            }
            settings.fill_from(info, |name| std::env::var(name).ok());
            self.config.fill(info, &mut settings)?;
        }
        settings.check_names(info)?;
        Ok(Cloud {
            provisioner: Box::new(Seeing::new(
                provision::connect(info.id, &settings)?,
                simulator.is_some(),
            )),
            simulated: simulator.is_some(),
            _simulator: simulator,
        })
    }

    fn take_options(&self, info: &ProviderInfo, settings: &mut Settings) -> Outcome<()> {
        for (name, value) in &self.globals.settings {
            if let Some(setting) = info
                .settings
                .iter()
                .find(|setting| setting.name == name && setting.secret)
            {
                let variable = setting
                    .env
                    .first()
                    .map(|name| format!("{name} or "))
                    .unwrap_or_default();
                warn(&format!(
                    "other users of this machine can see `{name}` on the command line: use {variable}--secret-file {name}=FILE"
                ));
            }
            settings.set(name, value.clone());
        }
        for (name, path) in &self.globals.secret_files {
            settings.set(name, config::read_secret(&config::expand_home(path))?);
        }
        if let Some(endpoint) = &self.globals.endpoint {
            settings.set("endpoint", endpoint.clone());
        }
        Ok(())
    }

    /// A command that reaches the same cloud, ready to be copied into a shell.
    pub(crate) fn command(&self, words: &[&str]) -> String {
        let globals = &self.globals;
        let mut line = vec!["provision".to_owned()];
        let path = |path: &Path| id::quoted(&path.display().to_string());
        if globals.sim {
            line.push("--sim".to_owned());
        }
        if let Some(file) = &globals.sim_state {
            line.extend(["--sim-state".to_owned(), path(file)]);
        }
        if let Some(file) = &globals.config {
            line.extend(["--config".to_owned(), path(file)]);
        }
        if let Some(endpoint) = &globals.endpoint {
            line.extend(["--endpoint".to_owned(), id::quoted(endpoint)]);
        }
        for (name, value) in &globals.settings {
            line.extend(["--set".to_owned(), self.shown_setting(name, value)]);
        }
        for (name, file) in &globals.secret_files {
            line.extend(["--secret-file".to_owned(), id::quoted(&format!("{name}={file}"))]);
        }
        line.extend(words.iter().map(|word| id::quoted(word)));
        line.join(" ")
    }

    /// A setting for a printed command. Only what some provider declares as not secret is shown.
    fn shown_setting(&self, name: &str, value: &str) -> String {
        let declared = |secret: bool| {
            provision::providers()
                .iter()
                .flat_map(|info| info.settings)
                .any(|setting| setting.name == name && setting.secret == secret)
        };
        if declared(false) && !declared(true) {
            id::quoted(&format!("{name}={value}"))
        } else {
            format!("{name}=...")
        }
    }

    /// The command about one host.
    pub(crate) fn host_command(&self, command: &str, provider: &str, id: &HostId, options: &[&str]) -> String {
        let shown = id::shown(provider, id);
        self.command(&[&[command, shown.as_str()], options].concat())
    }
}
