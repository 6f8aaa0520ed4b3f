use std::time::Duration;

use serde::Serialize;

use crate::{BasicHost, Error, HostName, Invalid, Result};

/// Static facts about a provider: what `providers` shows, what documentation is generated from, and what requests are
/// checked against before anything is sent.
#[derive(Debug, Clone, Serialize)]
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
    /// Says that the service is closed or closing, for people; `None` for a living one.
    pub retired: Option<&'static str>,
}

/// What a default host costs in a month.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MonthlyCost {
    /// Total of a month in the currency's main unit, without tax; `None` when no price can be known.
    pub amount: Option<f64>,
    /// ISO 4217 code of the currency.
    pub currency: &'static str,
    /// The day on which the price was read, as `YYYY-MM-DD`.
    pub as_of: &'static str,
    /// What the amount covers, for people: public IPv4, disk.
    pub includes: &'static str,
}

/// What user data a cloud takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct UserDataRules {
    /// The most bytes before any encoding.
    pub max_bytes: usize,
    /// Whether the cloud's image accepts gzip, so that larger texts fit when compressed.
    pub gzip: bool,
}

/// What a cloud's names must look like, beyond [`HostName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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

/// One setting of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SettingInfo {
    /// The name, such as `token`.
    pub name: &'static str,
    /// Environment variables that may hold it, the preferred one first.
    pub env: &'static [&'static str],
    /// Whether the provider cannot work without it.
    pub required: bool,
    /// Whether it must never be shown.
    pub secret: bool,
    /// What it is for, in a line.
    pub help: &'static str,
}

impl SettingInfo {
    /// The setting that sends requests elsewhere, such as to the simulator. Every provider has it.
    pub const ENDPOINT: Self = Self {
        name: "endpoint",
        env: &[],
        required: false,
        secret: false,
        help: "base URL of the API instead of the public one, for a simulator or a private copy",
    };

    /// The setting that permits plain http to hosts other than loopback. Every provider has it.
    pub const ALLOW_HTTP: Self = Self {
        name: "allow-http",
        env: &[],
        required: false,
        secret: false,
        help: "`true` lets the endpoint be plain http on a host other than loopback",
    };
}

/// One key of [`BasicHost::additional`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AdditionalInfo {
    /// The key.
    pub key: &'static str,
    /// What it is for, in a line.
    pub help: &'static str,
}

/// What a provider can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Inbound ports can be restricted ([`OpenPorts::Only`](crate::OpenPorts::Only)).
    pub restrict_ports: bool,
    /// SSH keys can be installed.
    pub ssh_keys: bool,
    /// Names are unique in the account, project or zone.
    pub unique_names: bool,
    /// One `list` covers every region; otherwise [`RegionFilter::All`](crate::RegionFilter::All) costs a request or more
    /// for each.
    pub lists_all_regions: bool,
}

/// What looking at hosts costs in requests, and how many of them the vendor allows: what a poller chooses its pace from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
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
    /// Whether a user who types `name` means this provider.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        self.id == name || self.aliases.contains(&name)
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
        if let Some(limit) = self.label_max_len
            && let Some(tag) = host.all_labels().to_tags().into_iter().find(|tag| tag.len() > limit)
        {
            let length = tag.len();
            return Err(self.error(format!(
                "label `{tag}` has {length} characters as a tag, {} takes {limit}: shorten the key or value",
                self.title
            )));
        }
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
