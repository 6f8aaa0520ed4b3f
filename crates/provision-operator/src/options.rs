//! What the operator was started with.

use std::{collections::BTreeSet, fmt, sync::Arc};

use provision::{Result, Settings, StrangerRules};

use crate::{
    budget::Caps,
    mapping::{Defaults, client::ClientSettings},
    scope::Scope,
};

/// What the operator was started with.
pub struct Options {
    /// The cloud for Tunnels, and for Hosts that name none.
    pub provider: Option<String>,
    /// Reads the operator's own credentials; asked again and again, because files change.
    pub settings: Arc<dyn Fn() -> Result<Settings> + Send + Sync>,
    /// What tenants may choose beside credentials and plain values.
    pub strangers: StrangerRules,
    /// The extras of Hosts in the operator's own account that need permission, and have it.
    pub allow_additional: BTreeSet<String>,
    /// Reads the license of the tunnel's client, where one was given.
    pub license: Arc<dyn Fn() -> Result<Option<String>> + Send + Sync>,
    /// What host requests have in common.
    pub defaults: Defaults,
    /// How the tunnel's clients are run.
    pub client: ClientSettings,
    /// Whether only annotated Services get a tunnel.
    pub annotated_only: bool,
    /// Whether hosts without our labels are deleted that inlets-operator may have made for a Tunnel.
    pub adopt_unmarked: bool,
    /// Caps on hosts and what they cost.
    pub caps: Caps,
    /// What of the cluster this installation works on.
    pub scope: Scope,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("provider", &self.provider)
            .field("defaults", &self.defaults)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Whether a cloud that a resource names, or names none, is the operator's own: where its region and plan mean something.
    #[must_use]
    pub fn is_own_cloud(&self, given: Option<&str>) -> bool {
        match (given, self.provider.as_deref()) {
            (None, _) => true,
            (Some(given), Some(own)) => given == own || provision::find(given).is_ok_and(|info| info.is_called(own)),
            (Some(_), None) => false,
        }
    }
}
