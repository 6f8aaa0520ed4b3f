//! Lists that are not polls: many who ask share one.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, SystemTime},
};

use provision::{ListFilter, ProvisionedHost, Provisioner as _, RegionFilter, Result};

use super::Account;

/// The largest share of the cloud's request limit for lists that are not polls.
const LIST_SHARE: f64 = 0.25;

/// A list, or when to ask for it again.
#[derive(Debug, Clone)]
pub enum Listed {
    /// Every host of ours.
    Hosts {
        /// When the list was begun.
        begun: SystemTime,
        /// What it shows.
        hosts: Arc<Vec<ProvisionedHost>>,
    },
    /// Another list was begun a moment ago, too early for what was asked.
    Wait(Duration),
}

/// The last list of each region, and of the whole account, with the moment at which it was begun.
pub(super) type Lists = BTreeMap<Option<String>, (SystemTime, Arc<Vec<ProvisionedHost>>)>;

impl Account {
    /// Every host of ours in the account, from a list that was begun a moment ago at most.
    ///
    /// # Errors
    /// Any error of the cloud's list.
    pub async fn recent_list(&self) -> Result<Listed> {
        self.list_begun_after(self.clock.now() - self.pace.list_gap).await
    }

    /// Every host of ours in the account, from a list that was begun at `moment` or later; or how long to wait for one. Lists
    /// are not begun in quick succession, so that many who ask share one.
    ///
    /// # Errors
    /// Any error of the cloud's list.
    pub async fn list_begun_after(&self, moment: SystemTime) -> Result<Listed> {
        self.list_of(None, moment).await
    }

    /// As [`list_begun_after`](Self::list_begun_after), of one region where the cloud lists by region.
    pub(super) async fn list_of(&self, region: Option<String>, moment: SystemTime) -> Result<Listed> {
        let region = region.filter(|_| !self.info().capabilities.lists_all_regions);
        let mut lists = self.lists.lock().await;
        let now = self.clock.now();
        if let Some((begun, hosts)) = lists.get(&region) {
            if *begun >= moment {
                return Ok(Listed::Hosts {
                    begun: *begun,
                    hosts: hosts.clone(),
                });
            }
            let since = now.duration_since(*begun).unwrap_or_default();
            let polling = self.info().polling;
            let gap = self
                .pace
                .list_gap
                .max(polling.time_for(polling.requests_for_list(hosts.len()), LIST_SHARE));
            if since < gap {
                return Ok(Listed::Wait(gap - since));
            }
        }
        let mut filter = ListFilter::all();
        if !self.info().capabilities.lists_all_regions {
            filter.region = region.clone().map_or(RegionFilter::All, RegionFilter::Only);
        }
        let hosts = Arc::new(self.cloud.list(&filter).await?);
        lists.insert(region, (now, hosts.clone()));
        Ok(Listed::Hosts { begun: now, hosts })
    }
}
