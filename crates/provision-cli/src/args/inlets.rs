use std::{net::IpAddr, path::PathBuf};

use clap::{ArgGroup, Args, Subcommand};
use provision_exit_server::inlets::{InletsPro, Issuer};

use super::pair;
use crate::duration::TimeSpan;

#[derive(Debug, Subcommand)]
pub(crate) enum InletsCommand {
    /// Create a host that runs the server of an inlets tunnel, and wait until it answers
    Create(Box<InletsCreateArgs>),
    /// Show a tunnel's server and the command of its client; without a name all of them
    Status(InletsStatusArgs),
    /// Delete a tunnel's server, also one that inletsctl made (by its id)
    Delete(InletsDeleteArgs),
}

impl InletsCommand {
    /// The host that is named, by whatever it is.
    pub(crate) fn host(&self) -> Option<&str> {
        match self {
            Self::Create(_) => None,
            Self::Status(args) => args.host.as_deref(),
            Self::Delete(args) => args.id.as_deref().or(args.host.as_deref()),
        }
    }

    /// What inletsctl's flags say about the cloud.
    pub(crate) fn cloud(&self) -> &InletsctlArgs {
        match self {
            Self::Create(args) => &args.cloud,
            Self::Status(args) => &args.cloud,
            Self::Delete(args) => &args.cloud,
        }
    }
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("tunnel").required(true).args(["tcp", "letsencrypt_domains"]))]
pub(crate) struct InletsCreateArgs {
    /// Name of the host [default: a new one, inlets-...]
    pub(crate) name: Option<String>,

    /// A TCP tunnel: connections are passed on, whatever is in them
    #[arg(long)]
    pub(crate) tcp: bool,

    /// An HTTPS tunnel for this domain, with a certificate of Let's Encrypt; repeatable
    #[arg(long = "letsencrypt-domain", value_name = "DOMAIN")]
    pub(crate) letsencrypt_domains: Vec<String>,

    /// Whom Let's Encrypt writes to
    #[arg(long, value_name = "EMAIL", conflicts_with = "tcp")]
    pub(crate) letsencrypt_email: Option<String>,

    /// Who signs: `prod`, or `staging` for tests
    #[arg(long, value_name = "ISSUER", default_value_t = Issuer::Prod, conflicts_with = "tcp")]
    pub(crate) letsencrypt_issuer: Issuer,

    /// Release of inlets-pro to install
    #[arg(long, value_name = "VERSION", default_value = InletsPro::RELEASE)]
    pub(crate) inlets_version: String,

    /// Start nothing but a binary with this SHA-256
    #[arg(long, value_name = "SHA256")]
    pub(crate) inlets_checksum: Option<String>,

    /// The token that client and server share [default: a new one, kept in a file]
    #[arg(short = 't', long, value_name = "TOKEN")]
    pub(crate) inlets_token: Option<String>,

    /// The same from a file
    #[arg(long, value_name = "FILE", conflicts_with = "inlets_token")]
    pub(crate) inlets_token_file: Option<PathBuf>,

    /// A port that the tunnel uses, such as 2222; repeatable, or 2222,8000; without any a TCP tunnel has all of them open
    #[arg(long = "port", value_name = "PORT", value_delimiter = ',')]
    pub(crate) ports: Vec<provision::PortRange>,

    /// Plan, as `provision plans` lists them
    #[arg(short = 's', long)]
    pub(crate) plan: Option<String>,

    /// Image, as `provision images` lists them
    #[arg(long)]
    pub(crate) image: Option<String>,

    /// A label; repeatable
    #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    pub(crate) labels: Vec<(String, String)>,

    /// Let `provision gc` delete the host after this time, such as 2h or 7d
    #[arg(long, value_name = "TIME")]
    pub(crate) ttl: Option<TimeSpan>,

    /// Give up after this time
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub(crate) timeout: TimeSpan,

    /// Check everything that can be checked and show what would be asked for; no request is made
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Time between two looks at the host
    #[arg(short = 'n', long, value_name = "TIME", hide = true)]
    pub(crate) poll: Option<TimeSpan>,

    /// VPC to launch in (EC2)
    #[arg(long, value_name = "ID", requires = "subnet_id", help_heading = "Of one cloud")]
    pub(crate) vpc_id: Option<String>,

    /// Subnet to launch in (EC2)
    #[arg(long, value_name = "ID", requires = "vpc_id", help_heading = "Of one cloud")]
    pub(crate) subnet_id: Option<String>,

    /// Name of an EC2 key pair to install
    #[arg(long, value_name = "NAME", help_heading = "Of one cloud")]
    pub(crate) aws_key_name: Option<String>,

    #[command(flatten)]
    pub(crate) cloud: InletsctlArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InletsStatusArgs {
    /// Name or id of the host [default: all servers of tunnels]
    pub(crate) host: Option<String>,

    #[command(flatten)]
    pub(crate) cloud: InletsctlArgs,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("which").required(true).args(["host", "id", "ip"]))]
pub(crate) struct InletsDeleteArgs {
    /// Name or id of the host
    pub(crate) host: Option<String>,

    /// Id of the host, as this tool or inletsctl printed it
    #[arg(short, long, value_name = "ID")]
    pub(crate) id: Option<String>,

    /// The host's public address; only hosts created with this tool are looked at
    #[arg(long)]
    pub(crate) ip: Option<IpAddr>,

    /// Give up after this time
    #[arg(long, value_name = "TIME", default_value = "10m")]
    pub(crate) timeout: TimeSpan,

    #[command(flatten)]
    pub(crate) cloud: InletsctlArgs,
}

/// Where the cloud is and who asks, as inletsctl has it. What a flag means at a cloud is in `commands/inlets/cloud.rs`.
#[derive(Debug, Args)]
#[command(next_help_heading = "Account, with inletsctl's flags; --set and --secret-file do the same")]
pub(crate) struct InletsctlArgs {
    /// Region or zone
    #[arg(short, long, help_heading = None)]
    pub(crate) region: Option<String>,

    /// Zone, at clouds that have zones
    #[arg(short, long, help_heading = None)]
    pub(crate) zone: Option<String>,

    /// The cloud's token or access key; a file is safer [environment: INLETS_ACCESS_TOKEN]
    #[arg(short, long, value_name = "TOKEN")]
    pub(crate) access_token: Option<String>,

    /// The same from a file
    #[arg(short = 'f', long, value_name = "FILE", conflicts_with = "access_token")]
    pub(crate) access_token_file: Option<String>,

    /// The cloud's secret key, where there are two (EC2, OVHcloud, Scaleway) [environment: INLETS_SECRET_KEY]
    #[arg(long, value_name = "KEY")]
    pub(crate) secret_key: Option<String>,

    /// The same from a file
    #[arg(long, value_name = "FILE", conflicts_with = "secret_key")]
    pub(crate) secret_key_file: Option<String>,

    /// Session token of temporary credentials (EC2)
    #[arg(long, value_name = "TOKEN")]
    pub(crate) session_token: Option<String>,

    /// The same from a file
    #[arg(long, value_name = "FILE", conflicts_with = "session_token")]
    pub(crate) session_token_file: Option<String>,

    /// Consumer key (OVHcloud)
    #[arg(long, value_name = "KEY")]
    pub(crate) consumer_key: Option<String>,

    /// Project (Google, OVHcloud, Packet, Scaleway)
    #[arg(long, value_name = "ID")]
    pub(crate) project_id: Option<String>,

    /// Organization (Scaleway); its default project has the same id
    #[arg(long, value_name = "ID", alias = "organization-id", conflicts_with = "project_id")]
    pub(crate) organisation_id: Option<String>,

    /// Subscription (Azure)
    #[arg(long, value_name = "ID")]
    pub(crate) subscription_id: Option<String>,
}
