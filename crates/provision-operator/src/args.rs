//! Flags. Those of inlets-operator keep their names and meanings.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::{budget::Amount, scope::Labelled};

/// The release of client and server when no flag names one; they should be the same.
pub const INLETS_RELEASE: &str = provision_exit_server::inlets::InletsPro::RELEASE;

/// Public addresses for Services of type LoadBalancer, and hosts at clouds as resources.
#[derive(Debug, Parser)]
#[command(
    name = "provision-operator",
    version,
    max_term_width = 100,
    args_override_self = true
)]
pub struct Cli {
    /// What to do instead of running the operator.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What to run with.
    #[command(flatten)]
    pub args: Flags,
}

/// What to do instead of running the operator.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Delete every Tunnel and Host and wait until the clouds say that their hosts are gone: before an uninstall
    Cleanup(Cleanup),
    /// Say whether definitions, permissions, leader, license and the cloud's credentials are as they should be
    Check,
    /// Print the definitions of Tunnel and Host, for `kubectl apply -f -`
    Crds,
}

/// How to clean up.
#[derive(Debug, Clone, Args)]
pub struct Cleanup {
    /// Give up after so many seconds; what is left is listed
    #[arg(long, default_value_t = 900)]
    pub timeout: u64,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// What the operator runs with.
#[derive(Debug, Args)]
pub struct Flags {
    /// The cloud for Tunnels and for Hosts that name none, by id or alias
    #[arg(long, global = true, default_value = "", hide_default_value = true)]
    pub provider: String,
    /// Region of hosts that name none; several, separated by commas, are tried in this order when there is no room in one
    #[arg(long, global = true, default_value = "", hide_default_value = true)]
    pub region: String,
    /// Zone of hosts, at clouds that have zones (GCE, Scaleway); several as with --region
    #[arg(long, global = true, default_value = "", hide_default_value = true)]
    pub zone: String,
    /// The cloud's token or access key; a file or the environment is safer
    #[arg(
        long,
        global = true,
        env = "PROVISION_ACCESS_KEY",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub access_key: Secret,
    /// File with the cloud's token or access key; read again when the cloud refuses it
    #[arg(long, global = true)]
    pub access_key_file: Option<PathBuf>,
    /// The cloud's secret key, where there are two (EC2, Scaleway, OVH)
    #[arg(
        long,
        global = true,
        env = "PROVISION_SECRET_KEY",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub secret_key: Secret,
    /// File with the cloud's secret key
    #[arg(long, global = true)]
    pub secret_key_file: Option<PathBuf>,
    /// Project, at clouds that have projects (GCE, Equinix Metal, OVH, Scaleway)
    #[arg(long, global = true, default_value = "", hide_default_value = true)]
    pub project_id: String,
    /// Subscription (Azure)
    #[arg(long, global = true, default_value = "", hide_default_value = true)]
    pub subscription_id: String,
    /// Organization (Scaleway)
    #[arg(long, global = true, default_value = "", hide_default_value = true)]
    pub organization_id: String,
    /// VPC for the hosts of Tunnels (EC2)
    #[arg(long, global = true, default_value = "", hide_default_value = true)]
    pub vpc_id: String,
    /// Subnet for the hosts of Tunnels (EC2)
    #[arg(long, global = true, default_value = "", hide_default_value = true)]
    pub subnet_id: String,
    /// Plan of hosts that name none; several, separated by commas, are tried in this order in each region
    #[arg(long, global = true, default_value = "", hide_default_value = true)]
    pub plan: String,
    /// A further setting of the cloud that is no secret, such as `endpoint=http://127.0.0.1:8080/hetzner`; may be repeated
    #[arg(long = "setting", global = true, value_name = "NAME=VALUE")]
    pub settings: Vec<String>,
    /// A further setting of the cloud, from a file; may be repeated
    #[arg(long = "setting-file", global = true, value_name = "NAME=PATH")]
    pub setting_files: Vec<String>,
    /// Base URL that tenants may name as `endpoint` in the Secrets of their Hosts, beside the clouds' own; may be repeated
    #[arg(long = "tenant-endpoint", global = true, value_name = "URL")]
    pub tenant_endpoints: Vec<String>,
    /// Keys of spec.additional that Hosts in the operator's own account may have although they give a host a place or identity
    /// in the account, or change its price: `vpc-id,disk-gb`
    #[arg(long, global = true, value_name = "KEY", value_delimiter = ',')]
    pub allow_additional: Vec<String>,
    /// License of the tunnel's client; a file or the environment is safer
    #[arg(
        long,
        global = true,
        env = "PROVISION_LICENSE",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub license: Secret,
    /// File with the license of the tunnel's client
    #[arg(long, global = true)]
    pub license_file: Option<PathBuf>,
    /// Container image of the tunnel's client [default: ghcr.io/inlets/inlets-pro with the release]
    #[arg(long, global = true, default_value = "", hide_default_value = true)]
    pub client_image: String,
    /// Release of the tunnel's server that hosts install
    #[arg(long, global = true, default_value = INLETS_RELEASE)]
    pub inlets_release: String,
    /// Memory limit of the tunnel's client
    #[arg(long, global = true, default_value = "128Mi")]
    pub max_client_memory: String,
    /// Make tunnels only for Services with the annotation operator.inlets.dev/manage=1 or the load balancer class operator.inlets.dev/tunnel
    #[arg(long, global = true, num_args = 0..=1, default_missing_value = "true", default_value_t = false, require_equals = true, action = clap::ArgAction::Set)]
    pub annotated_only: bool,
    /// Delete also hosts without labels of this operator that inlets-operator may have made for a Tunnel: for the time of the
    /// move from it
    #[arg(long, global = true)]
    pub adopt_unmarked: bool,
    /// File that leads to the cluster; not needed inside it
    #[arg(long, global = true, env = "KUBECONFIG")]
    pub kubeconfig: Option<PathBuf>,
    /// Address of the cluster's API, in the place of the kubeconfig's
    #[arg(long, global = true, default_value = "", hide_default_value = true)]
    pub master: String,
    /// Create no more hosts when so many exist in the account; hosts with credentials of their own are counted by themselves
    #[arg(long, global = true)]
    pub max_hosts: Option<usize>,
    /// Create no more hosts in an account when all of its hosts would cost more in a month, without tax: `50` in whatever
    /// currency its cloud has, or `50EUR,40USD`; nothing is created in a currency without an amount
    #[arg(long, global = true, value_name = "AMOUNT[CURRENCY]", value_delimiter = ',')]
    pub max_monthly_cost: Vec<Amount>,
    /// As --max-hosts, for the Tunnels and Hosts of each namespace
    #[arg(long, global = true)]
    pub max_hosts_per_namespace: Option<usize>,
    /// As --max-monthly-cost, for the Tunnels and Hosts of each namespace
    #[arg(long, global = true, value_name = "AMOUNT[CURRENCY]", value_delimiter = ',')]
    pub max_monthly_cost_per_namespace: Vec<Amount>,
    /// Work only on Tunnels, Hosts and Services of this namespace: for several installations in one cluster
    #[arg(long, global = true)]
    pub watch_namespace: Option<String>,
    /// Work only on Tunnels, Hosts and Services with these labels, such as `team=web`; a Tunnel gets those of its Service
    #[arg(long, global = true, value_name = "SELECTOR")]
    pub tunnel_selector: Option<Labelled>,
    /// Address of /healthz, /readyz and /metrics
    #[arg(long, global = true, default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,
    /// Let only one replica work at a time
    #[arg(long, global = true, default_value_t = true, action = clap::ArgAction::Set)]
    pub leader_elect: bool,
    /// Namespace of the lease [default: the operator's own]
    #[arg(long, global = true, env = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Name of this replica
    #[arg(long, global = true, env = "POD_NAME", hide = true)]
    pub pod_name: Option<String>,
    /// Name of the cluster in the labels of its hosts [default: the id of namespace kube-system]
    #[arg(long, global = true)]
    pub cluster_id: Option<String>,
    /// Seconds between polls of an account while a host is on its way
    #[arg(long, global = true, default_value = "10", value_parser = seconds)]
    pub poll_interval: Duration,
    /// Seconds between polls of an account whose hosts are all settled
    #[arg(long, global = true, default_value = "60", value_parser = seconds)]
    pub idle_poll_interval: Duration,
    /// Seconds between looks for hosts of this cluster that no resource asks for; 0 for never
    #[arg(long, global = true, default_value = "3600", value_parser = seconds)]
    pub orphan_interval: Duration,
    /// Delete such hosts instead of only reporting them
    #[arg(long, global = true)]
    pub delete_orphans: bool,
    /// Form of the log
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,
}

/// A flag's value that is never shown.
#[derive(Clone, Default)]
pub struct Secret(String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Secret {
    /// The value, without surrounding white space; `None` when empty.
    #[must_use]
    pub fn expose(&self) -> Option<&str> {
        let text = self.0.trim();
        (!text.is_empty()).then_some(text)
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number: u64 = text.parse().map_err(|_| "give a whole number of seconds".to_owned())?;
    Ok(Duration::from_secs(number))
}

/// Go's flags may have one hyphen; existing manifests use that form. Ours have no short forms that it could be mistaken for.
pub fn with_two_hyphens(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Vec<std::ffi::OsString> {
    let long = |text: &str| {
        let name = text.strip_prefix('-').unwrap_or_default();
        let letter = name.starts_with(|c: char| c.is_ascii_lowercase());
        (letter && name.len() > 1).then(|| format!("-{text}").into())
    };
    arguments
        .into_iter()
        .map(|argument| argument.to_str().and_then(long).unwrap_or(argument))
        .collect()
}

/// Splits `name=value` flags.
///
/// # Errors
/// A sentence that names the flag and, never, its value.
pub fn pairs(flag: &str, list: &[String]) -> Result<BTreeMap<String, String>, String> {
    list.iter()
        .map(|pair| {
            let (name, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("--{flag} wants NAME=VALUE"))?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect()
}

/// The words of a list that is separated by commas.
pub fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::budget::CostCap;

    #[test]
    fn the_flags_are_consistent_and_every_flag_of_inlets_operator_is_there() {
        Cli::command().debug_assert();
        let command = Cli::command();
        let names: Vec<&str> = command.get_arguments().filter_map(clap::Arg::get_long).collect();
        for flag in [
            "provider",
            "region",
            "zone",
            "access-key",
            "access-key-file",
            "secret-key",
            "secret-key-file",
            "project-id",
            "subscription-id",
            "organization-id",
            "vpc-id",
            "subnet-id",
            "plan",
            "license",
            "license-file",
            "client-image",
            "inlets-release",
            "max-client-memory",
            "annotated-only",
            "kubeconfig",
            "master",
        ] {
            assert!(names.contains(&flag), "{flag}");
        }
    }

    #[test]
    fn a_command_line_of_inlets_operators_chart_is_understood() {
        let line = [
            "./inlets-operator",
            "-annotated-only",
            "-provider=digitalocean",
            "-zone=",
            "-region=lon1",
            "-access-key-file=/var/secrets/inlets/inlets-access-key",
            "-license-file=/var/secrets/inlets-license/license",
            "-project-id=",
            "-max-client-memory=128Mi",
        ];
        let cli = Cli::parse_from(with_two_hyphens(line.map(Into::into)));
        assert!(cli.args.annotated_only && cli.command.is_none());
        assert_eq!(
            (
                cli.args.provider.as_str(),
                cli.args.region.as_str(),
                cli.args.zone.as_str()
            ),
            ("digitalocean", "lon1", "")
        );
        assert!(cli.args.license_file.is_some());
        let cli = Cli::parse_from(with_two_hyphens(
            ["o", "cleanup", "--timeout", "5", "--annotated-only=false", "-h2"]
                .iter()
                .take(5)
                .map(Into::into),
        ));
        assert!(matches!(cli.command, Some(Command::Cleanup(Cleanup { timeout: 5 }))));
        assert!(!cli.args.annotated_only);
    }

    #[test]
    fn of_a_flag_that_is_given_twice_the_last_one_counts_as_in_go() {
        let line = [
            "o",
            "-region=lon1",
            "-annotated-only",
            "--annotated-only=false",
            "--region",
            "fra1",
            "-license-file=/a",
            "-license-file=/b",
            "-setting=a=1",
            "-setting=b=2",
        ];
        let flags = Cli::try_parse_from(with_two_hyphens(line.map(Into::into)))
            .unwrap()
            .args;
        assert_eq!((flags.region.as_str(), flags.annotated_only), ("fra1", false));
        assert_eq!(flags.license_file, Some("/b".into()));
        assert_eq!(flags.settings, ["a=1", "b=2"], "flags that may be repeated are");
    }

    #[test]
    fn a_cap_on_costs_may_be_given_for_each_currency() {
        let cap = |line: &[&str]| {
            let line = ["o"].iter().chain(line).map(Into::into);
            let cli = Cli::try_parse_from(with_two_hyphens(line)).map_err(|error| error.to_string())?;
            Ok::<_, String>(CostCap::new("--max-monthly-cost", &cli.args.max_monthly_cost)?.map(|cap| cap.to_string()))
        };
        assert_eq!(cap(&[]).unwrap(), None);
        let text = |line| cap(line).unwrap().unwrap();
        assert_eq!(text(&["--max-monthly-cost=50"]), "50");
        assert_eq!(text(&["-max-monthly-cost", "50EUR,40USD"]), "50EUR,40USD");
        let twice = ["--max-monthly-cost", "50EUR", "--max-monthly-cost", "40USD"];
        assert_eq!(text(&twice), "50EUR,40USD");
        assert!(cap(&["--max-monthly-cost", "50,40USD"]).is_err());
        let refused = cap(&["--max-monthly-cost", "much"]).unwrap_err();
        assert!(refused.contains("is no amount: write `50`"), "{refused}");
    }

    #[test]
    fn secrets_are_not_shown() {
        let cli = Cli::parse_from([
            "o",
            "--access-key",
            "hunter2",
            "--secret-key",
            "hunter3",
            "--license",
            "hunter4",
        ]);
        assert!(!format!("{cli:?}").contains("hunter"));
        assert_eq!(cli.args.access_key.expose(), Some("hunter2"));
    }
}
