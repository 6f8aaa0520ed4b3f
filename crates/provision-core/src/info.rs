mod additional;
mod setting;

use std::time::Duration;

use serde::Serialize;

use crate::{BasicHost, Error, HostName, Invalid, Labels, MonthlyCost, PriceList, Result};

pub use additional::{AdditionalInfo, AdditionalRole};
pub use setting::{CommonSetting, SettingInfo, SettingRole};

/// Static facts about a provider: what `providers` shows, what documentation is generated from, and what requests are
/// checked against before anything is sent.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ProviderInfo {
    /// The id, such as `digitalocean`: crate `provision-<id>`, feature `<id>`.
    pub id: &'static str,
    /// Other names that users may type.
    pub aliases: &'static [&'static str],
    /// The cloud's name for people.
    pub title: &'static str,
    /// Region when the request names none.
    pub default_region: &'static str,
    /// Plan when the request names none.
    pub default_plan: &'static str,
    /// Image when the request names none.
    pub default_image: &'static str,
    /// What a default host costs.
    pub monthly_cost: MonthlyCost,
    /// What a plan bills in a month in a region as a [`Price`](crate::Price), from a price list that was read on
    /// [`MonthlyCost::as_of`]. For clouds whose API tells no prices; `None` for those that tell them in the catalog.
    #[serde(skip)]
    pub price_list: Option<PriceList>,
    /// What user data the cloud takes.
    pub user_data: UserDataRules,
    /// What names the cloud takes, beyond [`HostName`].
    pub name_rules: NameRules,
    /// The settings that configure the provider.
    pub settings: &'static [SettingInfo],
    /// The keys of [`BasicHost::additional`] that the provider knows.
    pub additional: &'static [AdditionalInfo],
    /// What the provider can do.
    pub capabilities: Capabilities,
    /// What looking at hosts costs, and how much of it the vendor allows.
    pub polling: Polling,
    /// The longest label that fits, as the length of `key:value`; `None` when [`Labels`](crate::Labels) are the limit.
    pub label_max_len: Option<usize>,
    /// How long after an answer a list may lack a new host. Until then nothing is created again after a create whose outcome is
    /// unknown, except where the cloud itself refuses a second one.
    pub visible_within: Duration,
    /// Says that the service is closed or closing, for people; `None` for a living one.
    pub retired: Option<&'static str>,
    /// Where credentials come from.
    pub login: Login,
}

/// Where the credentials of a cloud come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Login {
    /// The page on which a person makes them.
    pub url: &'static str,
    /// The settings that a person has to give, in this order; the rest has defaults.
    pub settings: &'static [&'static str],
    /// The vendor's own tools, each with the file below the home folder in which it keeps credentials.
    pub tools: &'static [(&'static str, &'static str)],
}

impl Login {
    /// The page on which credentials are made, and the settings that they are.
    #[must_use]
    pub const fn new(url: &'static str, settings: &'static [&'static str]) -> Self {
        Self {
            url,
            settings,
            tools: &[],
        }
    }

    /// A vendor's tool and the file below the home folder in which it keeps credentials.
    #[must_use]
    pub const fn with_tools(mut self, tools: &'static [(&'static str, &'static str)]) -> Self {
        self.tools = tools;
        self
    }
}

/// What user data a cloud takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct UserDataRules {
    /// The most bytes before any encoding.
    pub max_bytes: usize,
    /// Whether the cloud's image accepts gzip, so that larger texts fit when compressed.
    pub gzip: bool,
}

impl UserDataRules {
    /// So many bytes at most, before any encoding.
    #[must_use]
    pub const fn new(max_bytes: usize) -> Self {
        Self { max_bytes, gzip: false }
    }

    /// The cloud's image accepts gzip.
    #[must_use]
    pub const fn with_gzip(mut self) -> Self {
        self.gzip = true;
        self
    }

    /// The most bytes of text that are worth reading: what is longer cannot fit, or only if it is hardly anything but
    /// repetition.
    #[must_use]
    pub const fn max_text(&self) -> usize {
        const COMPRESSION: usize = 32;
        if self.gzip {
            self.max_bytes.saturating_mul(COMPRESSION)
        } else {
            self.max_bytes
        }
    }
}

/// What a cloud's names must look like, beyond [`HostName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NameRules {
    /// The fewest characters.
    pub min_len: usize,
    /// The most characters.
    pub max_len: usize,
    /// Whether a name must start with a letter.
    pub starts_with_letter: bool,
    /// Whether two hyphens may stand side by side.
    pub double_hyphen: bool,
}

impl NameRules {
    /// No rule beyond [`HostName`]'s own.
    pub const HOST_NAME: Self = Self {
        min_len: 1,
        max_len: HostName::MAX_LEN,
        starts_with_letter: false,
        double_hyphen: true,
    };

    /// So many characters.
    #[must_use]
    pub const fn with_len(mut self, min_len: usize, max_len: usize) -> Self {
        self.min_len = min_len;
        self.max_len = max_len;
        self
    }

    /// A letter has to come first.
    #[must_use]
    pub const fn with_letter_first(mut self) -> Self {
        self.starts_with_letter = true;
        self
    }

    /// Two hyphens may not stand side by side.
    #[must_use]
    pub const fn without_double_hyphen(mut self) -> Self {
        self.double_hyphen = false;
        self
    }

    /// Checks a name.
    ///
    /// # Errors
    /// [`Invalid`] naming the broken rule.
    pub fn check(&self, title: &str, name: &HostName) -> std::result::Result<(), Invalid> {
        let text = name.as_str();
        let refuse = |rule: String| {
            Err(Invalid::new(format!(
                "host name `{text}` is not valid on {title}: {rule}"
            )))
        };
        if text.len() < self.min_len {
            return refuse(format!("it must have at least {} characters", self.min_len));
        }
        if text.len() > self.max_len {
            return refuse(format!(
                "it has {} characters, {} at most are allowed",
                text.len(),
                self.max_len
            ));
        }
        if self.starts_with_letter && !text.starts_with(|c: char| c.is_ascii_lowercase()) {
            return refuse("it must start with a letter".to_owned());
        }
        if !self.double_hyphen && text.contains("--") {
            return refuse("it must not contain `--`".to_owned());
        }
        Ok(())
    }
}

/// What a provider can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Capabilities {
    /// Inbound ports can be restricted ([`OpenPorts::Only`](crate::OpenPorts::Only)).
    pub restrict_ports: bool,
    /// SSH keys can be installed.
    pub ssh_keys: bool,
    /// Names are unique in the account, project or zone.
    pub unique_names: bool,
    /// A create carries a token made from the key, so that the cloud itself answers a second one with the first host.
    pub create_tokens: bool,
    /// One `list` covers every region; otherwise [`RegionFilter::All`](crate::RegionFilter::All) costs a request or more
    /// for each.
    pub lists_all_regions: bool,
}

impl Capabilities {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            restrict_ports: false,
            ssh_keys: false,
            unique_names: false,
            create_tokens: false,
            lists_all_regions: false,
        }
    }

    /// Inbound ports can be restricted.
    #[must_use]
    pub const fn with_restrict_ports(mut self) -> Self {
        self.restrict_ports = true;
        self
    }

    /// SSH keys can be installed.
    #[must_use]
    pub const fn with_ssh_keys(mut self) -> Self {
        self.ssh_keys = true;
        self
    }

    /// Names are unique in the account, project or zone.
    #[must_use]
    pub const fn with_unique_names(mut self) -> Self {
        self.unique_names = true;
        self
    }

    /// A create carries a token made from the key.
    #[must_use]
    pub const fn with_create_tokens(mut self) -> Self {
        self.create_tokens = true;
        self
    }

    /// One list covers every region.
    #[must_use]
    pub const fn with_lists_all_regions(mut self) -> Self {
        self.lists_all_regions = true;
        self
    }
}

impl Default for Capabilities {
    fn default() -> Self {
        Self::new()
    }
}

/// What looking at hosts costs in requests, and how many of them the vendor allows: what a poller chooses its pace from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Polling {
    /// The most hosts on a page of a list; `None` when lists have no pages.
    pub page_size: Option<usize>,
    /// Requests for each page, and for the status of one host: more than one where a host's address is no part of it.
    pub requests_per_page: usize,
    /// Requests in an hour that the vendor allows an account, project or token. Limits for shorter spans are converted;
    /// `None` when nothing is published: [`time_for`](Self::time_for) then goes by 3,600.
    pub hourly_limit: Option<u32>,
}

impl Polling {
    /// Pages of so many hosts (`None`: lists have no pages), and so many requests that the vendor allows in an hour (`None`:
    /// not published). A page costs one request.
    #[must_use]
    pub const fn new(page_size: Option<usize>, hourly_limit: Option<u32>) -> Self {
        Self {
            page_size,
            requests_per_page: 1,
            hourly_limit,
        }
    }

    /// A page costs so many requests.
    #[must_use]
    pub const fn with_requests_per_page(mut self, requests: usize) -> Self {
        self.requests_per_page = requests;
        self
    }

    /// Requests for a list of so many hosts.
    #[must_use]
    pub fn requests_for_list(&self, hosts: usize) -> usize {
        let pages = self.page_size.map_or(1, |size| hosts.div_ceil(size.max(1)).max(1));
        pages.saturating_mul(self.requests_per_page)
    }

    /// How long to wait between looks that take so many requests each, for all of them to stay within this share (0 to 1) of
    /// what the vendor allows; a day at most.
    #[must_use]
    pub fn time_for(&self, requests: usize, share: f64) -> Duration {
        const UNPUBLISHED: u32 = 3_600;
        const LONGEST: Duration = Duration::from_secs(86_400);
        let an_hour = f64::from(self.hourly_limit.unwrap_or(UNPUBLISHED)) * share.clamp(0.0, 1.0);
        let requests = f64::from(u32::try_from(requests).unwrap_or(u32::MAX));
        // A share of nothing makes this infinite, or no number at all.
        Duration::try_from_secs_f64(requests * 3_600.0 / an_hour).map_or(LONGEST, |time| time.min(LONGEST))
    }
}

impl ProviderInfo {
    /// Facts about a provider, to be completed by the methods that follow. Nothing is promised yet: no capability, no default.
    #[must_use]
    pub const fn new(id: &'static str, title: &'static str) -> Self {
        Self {
            id,
            aliases: &[],
            title,
            default_region: "",
            default_plan: "",
            default_image: "",
            monthly_cost: MonthlyCost::unknown("USD", "", ""),
            price_list: None,
            user_data: UserDataRules::new(16_384),
            name_rules: NameRules::HOST_NAME,
            settings: &[],
            additional: &[],
            capabilities: Capabilities::new(),
            polling: Polling::new(None, None),
            label_max_len: None,
            visible_within: Duration::from_secs(30),
            retired: None,
            login: Login::new("", &[]),
        }
    }

    /// Other names that users may type.
    #[must_use]
    pub const fn with_aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Region, plan and image of a request that names none.
    #[must_use]
    pub const fn with_defaults(mut self, region: &'static str, plan: &'static str, image: &'static str) -> Self {
        self.default_region = region;
        self.default_plan = plan;
        self.default_image = image;
        self
    }

    /// What a default host costs.
    #[must_use]
    pub const fn with_monthly_cost(mut self, cost: MonthlyCost) -> Self {
        self.monthly_cost = cost;
        self
    }

    /// Prices from a list, for a cloud whose API tells none.
    #[must_use]
    pub const fn with_price_list(mut self, prices: PriceList) -> Self {
        self.price_list = Some(prices);
        self
    }

    /// What user data the cloud takes.
    #[must_use]
    pub const fn with_user_data(mut self, rules: UserDataRules) -> Self {
        self.user_data = rules;
        self
    }

    /// What names the cloud takes.
    #[must_use]
    pub const fn with_name_rules(mut self, rules: NameRules) -> Self {
        self.name_rules = rules;
        self
    }

    /// The settings that configure the provider.
    #[must_use]
    pub const fn with_settings(mut self, settings: &'static [SettingInfo]) -> Self {
        self.settings = settings;
        self
    }

    /// The keys of [`BasicHost::additional`] that the provider knows.
    #[must_use]
    pub const fn with_additional(mut self, additional: &'static [AdditionalInfo]) -> Self {
        self.additional = additional;
        self
    }

    /// What the provider can do.
    #[must_use]
    pub const fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// What looking at hosts costs.
    #[must_use]
    pub const fn with_polling(mut self, polling: Polling) -> Self {
        self.polling = polling;
        self
    }

    /// The longest label that fits, as the length of `key:value`.
    #[must_use]
    pub const fn with_label_max_len(mut self, max_len: usize) -> Self {
        self.label_max_len = Some(max_len);
        self
    }

    /// How long after an answer a list may lack a new host.
    #[must_use]
    pub const fn with_visible_within(mut self, time: Duration) -> Self {
        self.visible_within = time;
        self
    }

    /// Says that the service is closed or closing.
    #[must_use]
    pub const fn with_retired(mut self, text: &'static str) -> Self {
        self.retired = Some(text);
        self
    }

    /// Where credentials come from.
    #[must_use]
    pub const fn with_login(mut self, login: Login) -> Self {
        self.login = login;
        self
    }

    /// Whether a user who types `name` means this provider.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.id == name || self.aliases.contains(&name)
    }

    /// The setting of that name.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&SettingInfo> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// The setting that is this in the words that hold for every cloud.
    #[must_use]
    pub fn common_setting(&self, common: CommonSetting) -> Option<&SettingInfo> {
        self.settings.iter().find(|setting| setting.common == Some(common))
    }

    /// Everything about a request that can be checked without the cloud: name, user data size, labels, additional keys and
    /// whether ports and SSH keys are supported.
    ///
    /// # Errors
    /// `InvalidRequest` or `Unsupported`, saying what to change.
    pub fn check(&self, host: &BasicHost) -> Result<()> {
        self.name_rules
            .check(self.title, &host.name)
            .map_err(|invalid| self.error(invalid))?;
        host.user_data
            .check(self.title, self.user_data)
            .map_err(|invalid| self.error(invalid))?;
        if let Some(unknown) = host
            .additional
            .keys()
            .find(|key| !self.additional.iter().any(|known| known.key == **key))
        {
            let known: Vec<&str> = self.additional.iter().map(|known| known.key).collect();
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            return Err(self.error(format!(
                "{} has no additional setting `{unknown}`; known: {known}",
                self.title
            )));
        }
        self.check_labels(&host.labels)?;
        if !self.capabilities.restrict_ports && host.ports.restricted().is_some() {
            return Err(Error::new(
                crate::ErrorKind::Unsupported,
                format!(
                    "{} has no firewall that could restrict ports: leave them open and close them in the user data",
                    self.title
                ),
            )
            .with_provider(self.id));
        }
        if !self.capabilities.ssh_keys && !host.ssh_keys.is_empty() {
            return Err(Error::new(
                crate::ErrorKind::Unsupported,
                format!(
                    "{} takes no ssh keys when a host is created: put them into the user data",
                    self.title
                ),
            )
            .with_provider(self.id));
        }
        Ok(())
    }

    pub(crate) fn check_labels(&self, labels: &Labels) -> Result<()> {
        let Some(limit) = self.label_max_len else { return Ok(()) };
        match labels.to_tags().into_iter().find(|tag| tag.len() > limit) {
            None => Ok(()),
            Some(tag) => Err(self.error(format!(
                "label `{tag}` has {} characters as a tag, {} takes {limit}: shorten the key or value",
                tag.len(),
                self.title
            ))),
        }
    }

    fn error(&self, message: impl ToString) -> Error {
        Error::invalid(message.to_string()).with_provider(self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn polling(page_size: Option<usize>, requests_per_page: usize, hourly_limit: Option<u32>) -> Polling {
        Polling {
            page_size,
            requests_per_page,
            hourly_limit,
        }
    }

    #[test]
    fn a_list_costs_its_pages_and_one_when_it_is_empty() {
        let paged = polling(Some(50), 3, None);
        let requests: Vec<usize> = [0, 1, 50, 51, 5_000]
            .into_iter()
            .map(|hosts| paged.requests_for_list(hosts))
            .collect();
        assert_eq!(requests, [3, 3, 3, 6, 300]);
        assert_eq!(polling(None, 1, None).requests_for_list(5_000), 1);
    }

    #[test]
    fn the_time_for_requests_is_that_of_their_share() {
        let seconds = Duration::from_secs;
        let limited = polling(None, 1, Some(7_200));
        assert_eq!(limited.time_for(100, 1.0), seconds(50));
        assert_eq!(limited.time_for(100, 0.5), seconds(100));
        assert_eq!(limited.time_for(0, 0.5), seconds(0));
        assert_eq!(limited.time_for(1, 0.0), seconds(86_400), "a day at most");
        assert_eq!(limited.time_for(0, 0.0), seconds(86_400));
        assert_eq!(polling(None, 1, None).time_for(10, 1.0), seconds(10), "3,600 an hour");
    }
}
