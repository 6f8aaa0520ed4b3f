//! From what the user typed to the hosts that are meant: names, looked for in all regions of the clouds, and ids.

use provision::{
    ErrorKind, HostId, HostName, ListFilter, ProviderInfo, ProvisionedHost, Provisioner, RegionFilter,
    survey::{self, Gap},
};

use crate::{
    context::{Cloud, Context, Selection},
    failure::{Exit, Failure, Outcome, Tally},
    id,
    output::HostDocument,
    progress::Progress,
};

/// A host that a command is about.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The place of its cloud in [`Targets::clouds`].
    cloud: usize,
    pub(crate) id: HostId,
    /// What a list said of it; of an id nothing is known yet.
    pub(crate) host: Option<ProvisionedHost>,
    /// What was typed is no name of a host that was seen: it may be an id.
    guess: Option<Guess>,
}

/// A word that may be an id, or the name of a host that was not seen.
#[derive(Debug, Clone)]
struct Guess {
    word: String,
    /// The command that shows what there is.
    list: String,
    /// Where nobody could look, and why.
    unread: Vec<(String, String)>,
}

/// The hosts that a command is about, and their clouds.
pub(crate) struct Targets {
    clouds: Vec<Cloud>,
    pub(crate) all: Vec<Target>,
    /// Whether several were asked for: then the answer is a list.
    pub(crate) several: bool,
}

impl Targets {
    pub(crate) fn clouds(&self) -> Vec<&Cloud> {
        self.clouds.iter().collect()
    }

    pub(crate) fn cloud(&self, target: &Target) -> Outcome<&Cloud> {
        let cloud = self.clouds.get(target.cloud);
        cloud.ok_or_else(|| Failure::new(Exit::Error, "a host without its cloud: this is a defect of the program"))
    }
}

impl Target {
    /// The host as it is printed while nothing else is known.
    pub(crate) fn document(&self, cloud: &Cloud, status: &str) -> HostDocument {
        match &self.host {
            Some(host) => HostDocument::from(host).with_status(status),
            None => HostDocument::of_id(cloud.provisioner.info().id, &self.id, status),
        }
    }

    pub(crate) fn shown(&self, cloud: &Cloud) -> String {
        id::shown(cloud.provisioner.info().id, &self.id)
    }

    /// Why a call about it failed. What was typed may have been meant as a name.
    pub(crate) fn failure(&self, cloud: &Cloud, error: provision::Error) -> Failure {
        match &self.guess {
            Some(guess) if matches!(error.kind(), ErrorKind::InvalidRequest | ErrorKind::NotFound) => {
                guess.failure(&[cloud.provisioner.info()])
            }
            _ => error.into(),
        }
    }

    /// There was no such host when it was to be deleted.
    pub(crate) fn not_there(&self, cloud: &Cloud) -> Failure {
        match &self.guess {
            Some(guess) => guess.failure(&[cloud.provisioner.info()]),
            None => Failure::new(
                Exit::NotFound,
                format!(
                    "{} does not exist, or no longer does: nothing was deleted",
                    self.shown(cloud)
                ),
            ),
        }
    }
}

impl Guess {
    /// A host that is not seen does not exist, or is where nobody could look.
    fn failure(&self, infos: &[&ProviderInfo]) -> Failure {
        let word = &self.word;
        if self.unread.is_empty() {
            let titles: Vec<&str> = infos.iter().map(|info| info.title).collect();
            let titles = titles.join(", ");
            let message =
                format!("no host on {titles} that was created with this tool is called `{word}`, and none has that id");
            return Failure::new(Exit::NotFound, message).hint(format!(
                "`{}` shows the hosts; -p names other clouds, `-p all` every one with credentials",
                self.list
            ));
        }
        let places: Vec<&str> = self.unread.iter().map(|(place, _)| place.as_str()).collect();
        let message = format!(
            "`{word}` was not found, but not every place could be read: {}",
            places.join(", ")
        );
        let failure = Failure::new(Exit::Error, message).hint("name the host by its id, or try again");
        self.unread
            .iter()
            .fold(failure, |failure, (_, why)| failure.because(why))
    }
}

/// Looks for what the user typed. What is not found is said and counted; the rest can go on.
pub(crate) async fn find(context: &Context, texts: &[String], tally: &mut Tally) -> Outcome<Targets> {
    let mut targets = Targets {
        clouds: Vec::new(),
        all: Vec::new(),
        several: texts.len() > 1,
    };
    let named = context.globals.provider.is_some();
    let mut words = Vec::new();
    for text in texts {
        match id::split(text) {
            (Some(prefix), bare) => {
                let info = provision::find(prefix)?;
                if named && !context.selection()?.contains(info) {
                    return Err(Failure::usage(format!(
                        "the id is of `{}`, but -p says otherwise: leave -p out, the id names its provider",
                        info.id
                    )));
                }
                let cloud = targets.reach(context, info).await?;
                targets.add(cloud, HostId::from_text(bare)?, None, None);
            }
            (None, word) => {
                // Also what is a name could be an id, by its letters.
                HostId::from_text(word)?;
                words.push(word);
            }
        }
    }
    if !words.is_empty() {
        targets.look_for(context, &words, tally).await?;
    }
    Ok(targets)
}

impl Targets {
    /// Hosts that are already known, of clouds that are connected.
    pub(crate) fn known(clouds: Vec<Cloud>, hosts: Vec<ProvisionedHost>) -> Self {
        let mut targets = Self {
            clouds,
            all: Vec::new(),
            several: hosts.len() > 1,
        };
        for host in hosts {
            if let Some(cloud) = targets.place(host.provider) {
                targets.add(cloud, host.id.clone(), Some(host), None);
            }
        }
        targets
    }

    /// Each host once, however it was named.
    fn add(&mut self, cloud: usize, id: HostId, host: Option<ProvisionedHost>, guess: Option<Guess>) {
        if self.all.iter().any(|known| known.cloud == cloud && known.id == id) {
            return;
        }
        self.all.push(Target { cloud, id, host, guess });
    }

    fn place(&self, provider: &str) -> Option<usize> {
        self.clouds
            .iter()
            .position(|cloud| cloud.provisioner.info().id == provider)
    }

    async fn reach(&mut self, context: &Context, info: &'static ProviderInfo) -> Outcome<usize> {
        if let Some(place) = self.place(info.id) {
            return Ok(place);
        }
        self.clouds.push(context.connect(info).await?);
        Ok(self.clouds.len() - 1)
    }

    /// One look at the hosts of all selected clouds serves every name.
    async fn look_for(&mut self, context: &Context, words: &[&str], tally: &mut Tally) -> Outcome<()> {
        let selection = context.selection()?;
        if let Some(info) = selection.one() {
            self.reach(context, info).await?;
        } else {
            for cloud in context.connect_all(&selection, tally).await? {
                if self.place(cloud.provisioner.info().id).is_none() {
                    self.clouds.push(cloud);
                }
            }
        }
        let places: Vec<usize> = (0..self.clouds.len())
            .filter(|at| {
                self.clouds
                    .get(*at)
                    .is_some_and(|cloud| selection.contains(cloud.provisioner.info()))
            })
            .collect();
        let names: Vec<HostName> = words.iter().filter_map(|word| HostName::new(*word).ok()).collect();
        let mut hosts = Vec::new();
        let mut gaps = Vec::new();
        if !names.is_empty() {
            let mut filter = ListFilter::all().with_region(RegionFilter::All);
            if let [name] = names.as_slice() {
                filter = filter.with_name(name.clone());
            }
            let clouds: Vec<&dyn Provisioner> = places
                .iter()
                .filter_map(|at| Some(&*self.clouds.get(*at)?.provisioner))
                .collect();
            let progress = Progress::start("looking for the hosts");
            let survey = survey::hosts_on(&clouds, &filter).await;
            drop(progress);
            (hosts, gaps) = (survey.hosts, survey.gaps);
        }
        let unread: Vec<(String, String)> = gaps.iter().map(|gap| (place(gap), gap.error.to_string())).collect();
        for word in words {
            let found: Vec<&ProvisionedHost> = hosts.iter().filter(|host| host.name == *word).collect();
            let guess = || Guess {
                word: (*word).to_owned(),
                list: context.list_command(),
                unread: unread.clone(),
            };
            match found.as_slice() {
                [host] => {
                    if let Some(cloud) = self.place(host.provider) {
                        self.add(cloud, host.id.clone(), Some((*host).clone()), None);
                    }
                }
                // Some clouds' ids look like names.
                [] => match places.as_slice() {
                    [cloud] => self.add(*cloud, HostId::from_text(word)?, None, Some(guess())),
                    _ => tally.failed(&guess().failure(&infos(&selection, &self.clouds))),
                },
                several => tally.failed(&ambiguous(word, several)),
            }
        }
        Ok(())
    }
}

fn place(gap: &Gap) -> String {
    match &gap.region {
        Some(region) => format!("{} {region}", gap.provider),
        None => gap.provider.to_owned(),
    }
}

fn infos(selection: &Selection, clouds: &[Cloud]) -> Vec<&'static ProviderInfo> {
    let infos = clouds.iter().map(|cloud| cloud.provisioner.info());
    infos.filter(|info| selection.contains(info)).collect()
}

fn ambiguous(word: &str, hosts: &[&ProvisionedHost]) -> Failure {
    let mut failure = Failure::usage(format!("{} hosts are called `{word}`: name one by its id", hosts.len()));
    for host in hosts {
        let ip = host.ip.map_or_else(|| "no address".to_owned(), |ip| ip.to_string());
        let region = host.region.as_deref().unwrap_or("-");
        failure = failure.hint(format!("{}  {}  {ip}  {region}", host.host_ref(), host.status));
    }
    failure
}
