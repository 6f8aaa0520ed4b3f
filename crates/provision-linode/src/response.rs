//! What the API answers, as far as the provider reads it. FILL-IN: the vendor's names.

use std::net::IpAddr;

use provision_core::{HostId, ProvisionedHost, Result};
use serde::Deserialize;

use crate::{config::INFO, status::host_status};

#[derive(Deserialize)]
pub(crate) struct Instance {
    id: String,
    name: String,
    status: String,
    ip: Option<IpAddr>,
}

impl Instance {
    pub(crate) fn into_host(self) -> Result<ProvisionedHost> {
        let status = host_status(&self.status, self.ip.is_some());
        let mut host = ProvisionedHost::new(INFO.id, HostId::new(self.id)?, self.name, status, self.status);
        host.ip = self.ip;
        Ok(host)
    }
}
