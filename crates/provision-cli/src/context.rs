//! What every command needs: which cloud, configured how, and how to print a command that reaches it again.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use provision::{ErrorKind, HostId, ProviderInfo, Provisioner, Settings, wait::Pace};
use tokio::sync::OnceCell;

use crate::{
    args::{Format, Globals, TableArgs},
    config::Config,
    environment,
    failure::{Exit, Failure, Outcome, Tally},
    id,
    output::View,
    progress::{self, say, warn},
    seen::Seeing,
    settings::{Gathered, Source, how_to_log_in},
    simulator,
};

/// The provider when nothing names one.
pub(crate) const DEFAULT_PROVIDER: &str = "digitalocean";

/// The word for every cloud with credentials.
const EVERY: &str = "all";

/// The options of the command line together with the configuration file.
pub(crate) struct Context {
    pub(crate) globals: Globals,
    pub(crate) config: Config,
    /// What variables of a command's own say: behind the options, before the cloud's own variables.
    pub(crate) variables: Settings,
    /// The simulated clouds that were said to be so.
    said: Once,
    /// Serves the simulated clouds of `--sim` as long as the context lives.
    simulator: OnceCell<(provision_sim::Sim, provision_sim::Server)>,
    format: Format,
}

/// What is said once.
#[derive(Debug, Default)]
struct Once(Mutex<BTreeSet<&'static str>>);

impl Once {
    /// Whether it is the first time.
    fn set(&self, word: &'static str) -> bool {
        let mut words = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        words.insert(word)
    }
}

/// A cloud, ready for calls.
pub(crate) struct Cloud {
    pub(crate) provisioner: Box<dyn Provisioner>,
    simulated: bool,
    /// Where hosts are made that name no region, if a setting says so.
    pub(crate) region: Option<String>,
}

/// The clouds that `-p` names.
#[derive(Debug, Clone)]
pub(crate) struct Selection {
    pub(crate) infos: Vec<&'static ProviderInfo>,
    /// Those without credentials do not count.
    every: bool,
}

impl Selection {
    /// The one cloud, if it is one that is named by itself.
    pub(crate) fn one(&self) -> Option<&'static ProviderInfo> {
        self.infos.first().filter(|_| self.is_one()).copied()
    }

    /// Whether it is one cloud, named by itself.
    pub(crate) fn is_one(&self) -> bool {
        !self.every && self.infos.len() == 1
    }

    /// Whether it is whatever has credentials.
    pub(crate) fn is_every(&self) -> bool {
        self.every
    }

    pub(crate) fn contains(&self, info: &ProviderInfo) -> bool {
        self.infos.iter().any(|known| known.id == info.id)
    }
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
        let config = Config::load(globals.config.as_deref(), globals.profile.as_deref())?;
        let format = globals.output.or(config.output).unwrap_or_default();
        progress::write_as(format);
        Ok(Self {
            globals,
            config,
            variables: Settings::new(),
            said: Once::default(),
            simulator: OnceCell::new(),
            format,
        })
    }

    /// The data's form, and how a table looks.
    pub(crate) fn view(&self, table: &TableArgs) -> View {
        View::new(self.format(), table)
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// The one provider that the options, the environment or the configuration name, for commands that take one cloud.
    pub(crate) fn provider(&self) -> Outcome<&'static ProviderInfo> {
        let one = self.selection()?.one();
        one.ok_or_else(|| Failure::usage("this takes one cloud: name it with -p"))
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

    /// The providers that the options, the environment or the configuration name: one, several, or all.
    pub(crate) fn selection(&self) -> Outcome<Selection> {
        let names = self.globals.provider.clone();
        let names = names.or_else(|| environment::text("PROVISION_PROVIDER"));
        let names = names.or_else(|| self.config.default_provider.clone());
        let names = names.as_deref().unwrap_or(DEFAULT_PROVIDER);
        if names.trim() == EVERY {
            let infos = provision::providers();
            return Ok(Selection { infos, every: true });
        }
        let mut infos: Vec<&'static ProviderInfo> = Vec::new();
        for name in names.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            if name == EVERY {
                return Err(Failure::usage("`all` stands alone: it has every cloud in it"));
            }
            let info = provision::find(name)?;
            if !infos.iter().any(|known| known.id == info.id) {
                infos.push(info);
            }
        }
        if infos.is_empty() {
            return Err(Failure::usage("-p names no cloud"));
        }
        Ok(Selection { infos, every: false })
    }

    /// As [`selection`](Self::selection), but every cloud where the command line names none, with or without credentials.
    pub(crate) fn selection_or_every(&self) -> Outcome<Selection> {
        match &self.globals.provider {
            Some(_) => self.selection(),
            None => Ok(Selection {
                infos: provision::providers(),
                every: true,
            }),
        }
    }

    /// Connects to every cloud of a selection. One that cannot be connected to is counted, and the others are used; when it is the
    /// only one, that is the failure. No request is made yet.
    pub(crate) async fn connect_all(&self, selection: &Selection, tally: &mut Tally) -> Outcome<Vec<Cloud>> {
        if let Some(info) = selection.one() {
            return Ok(vec![self.connect(info).await?]);
        }
        if self.globals.endpoint.is_some() {
            return Err(Failure::usage("--endpoint is of one cloud: name it with -p"));
        }
        let names = self
            .globals
            .settings
            .iter()
            .chain(&self.globals.secret_files)
            .map(|(name, _)| name);
        for name in names {
            let mut known = selection.infos.iter().flat_map(|info| info.settings);
            if !known.any(|setting| setting.name == name) {
                return Err(Failure::usage(format!("none of these clouds has a setting `{name}`")));
            }
        }
        if self.globals.sim {
            say("simulated clouds: nothing here is real or bills");
        }
        let mut clouds = Vec::new();
        for info in &selection.infos {
            match self.reach(info, selection.every).await {
                Ok(Some(cloud)) => clouds.push(cloud),
                Ok(None) => {}
                Err(failure) => tally.failed(&failure),
            }
        }
        if clouds.is_empty() && selection.every {
            return Err(Failure::new(Exit::Credentials, "no cloud has credentials here")
                .hint("`provision providers` shows what each cloud needs; --sim needs none"));
        }
        Ok(clouds)
    }

    /// Connects to a cloud, or to its simulation. No request is made yet.
    pub(crate) async fn connect(&self, info: &'static ProviderInfo) -> Outcome<Cloud> {
        if self.globals.sim && self.said.set(info.id) {
            say(&format!("simulated {}: nothing here is real or bills", info.title));
        }
        match self.reach(info, false).await? {
            Some(cloud) => Ok(cloud),
            None => Err(Failure::usage(format!("there is nothing to reach {} with", info.title))),
        }
    }

    /// As [`connect`](Self::connect), without a word; `None` for a cloud that has no credential at all, if that is to be no error.
    async fn reach(&self, info: &'static ProviderInfo, skip_bare: bool) -> Outcome<Option<Cloud>> {
        let mut base = Settings::new();
        let mut sim = None;
        if self.globals.sim {
            let opened = self.simulator.get_or_try_init(async || {
                let sim = simulator::open(&self.globals)?;
                let server = simulator::serve(&sim).await?;
                Ok::<_, Failure>((sim, server))
            });
            let (opened, server) = opened.await?;
            sim = Some(opened.clone());
            base = simulator::settings(server, info.id)?;
        } else if self.globals.sim_state.is_some() {
            return Err(Failure::usage("--sim-state needs --sim"));
        }
        let gathered = self.gather(info, base)?;
        if !skip_bare {
            gathered.settings.check_names(info)?;
        }
        let bare = !gathered.has_credentials();
        if let Err(failure) = gathered.check_complete() {
            return match skip_bare && bare {
                true => Ok(None),
                false => Err(how_to_log_in(failure, info)),
            };
        }
        let region = ["region", "zone"].into_iter();
        let region = region
            .filter_map(|name| gathered.settings.get(name))
            .next()
            .map(str::to_owned);
        match provision::connect(info.id, &gathered.settings) {
            Ok(provisioner) => Ok(Some(Cloud {
                provisioner: Box::new(Seeing::new(provisioner, sim)),
                simulated: self.globals.sim,
                region,
            })),
            Err(error) if bare && error.kind() == ErrorKind::Unauthorized => match skip_bare {
                true => Ok(None),
                false => Err(how_to_log_in(error.into(), info)),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// The settings of a cloud from everywhere; `base` are those of the simulator, if it is simulated.
    pub(crate) fn gather(&self, info: &'static ProviderInfo, base: Settings) -> Outcome<Gathered> {
        let mut gathered = Gathered::new(info, base);
        self.take_options(info, &mut gathered)?;
        // Real credentials are neither needed by the simulator nor any of its business.
        if !self.globals.sim {
            for name in self.variables.names() {
                if let Some(value) = self.variables.get(name) {
                    gathered.offer(name, value.to_owned(), Source::Option("of this command"))?;
                }
            }
            gathered.fill(&self.config)?;
        }
        Ok(gathered)
    }

    /// The settings that the command line gives, and nothing else.
    pub(crate) fn options(&self, info: &'static ProviderInfo) -> Outcome<Gathered> {
        let mut gathered = Gathered::new(info, Settings::new());
        self.take_options(info, &mut gathered)?;
        Ok(gathered)
    }

    fn take_options(&self, info: &ProviderInfo, gathered: &mut Gathered) -> Outcome<()> {
        // Of several clouds each takes what is its own.
        let several = !self.selection()?.is_one();
        let is_known = |name: &str| !several || info.settings.iter().any(|setting| setting.name == name);
        for (name, value) in self.globals.settings.iter().filter(|(name, _)| is_known(name)) {
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
            gathered.replace(name, value.clone(), Source::Option("--set"))?;
        }
        for (name, path) in self.globals.secret_files.iter().filter(|(name, _)| is_known(name)) {
            gathered.replace_from_file(name, path)?;
        }
        if let Some(endpoint) = &self.globals.endpoint {
            gathered.replace("endpoint", endpoint.clone(), Source::Option("--endpoint"))?;
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
        if let Some(profile) = &globals.profile {
            line.extend(["--profile".to_owned(), id::quoted(profile)]);
        }
        if let Some(endpoint) = &globals.endpoint {
            line.extend(["--endpoint".to_owned(), id::quoted(endpoint)]);
        }
        for (name, value) in &globals.settings {
            line.extend(["--set".to_owned(), shown_setting(name, value)]);
        }
        for (name, file) in &globals.secret_files {
            line.extend(["--secret-file".to_owned(), id::quoted(&format!("{name}={file}"))]);
        }
        line.extend(words.iter().map(|word| id::quoted(word)));
        line.join(" ")
    }

    /// The command that lists the hosts of the clouds that are named now.
    pub(crate) fn list_command(&self) -> String {
        match &self.globals.provider {
            Some(names) => self.command(&["-p", names, "list"]),
            None => self.command(&["list"]),
        }
    }

    /// The command about one host.
    pub(crate) fn host_command(&self, command: &str, provider: &str, id: &HostId, options: &[&str]) -> String {
        let shown = id::shown(provider, id);
        self.command(&[&[command, shown.as_str()], options].concat())
    }
}

/// A setting for a printed command.
pub(crate) fn shown_setting(name: &str, value: &str) -> String {
    if may_be_shown(name) {
        id::quoted(&format!("{name}={value}"))
    } else {
        format!("{name}=...")
    }
}

/// Whether some provider declares a setting as not secret, and none as secret.
pub(crate) fn may_be_shown(name: &str) -> bool {
    let declared = |secret: bool| {
        provision::providers()
            .iter()
            .flat_map(|info| info.settings)
            .any(|setting| setting.name == name && setting.secret == secret)
    };
    declared(false) && !declared(true)
}
