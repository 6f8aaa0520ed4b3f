use std::collections::BTreeSet;

use futures_util::future::try_join_all;
use provision_core::{ErrorKind, HostDeleteRequest, HostId, ListFilter, RegionFilter};

use super::{
    bench::{Bench, host},
    create::labels,
};
use crate::{
    Failure, Stand,
    failure::{During, ensure, refused},
};

/// A list that spans several pages is complete and holds each host once.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn list_pages(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let mut made: BTreeSet<HostId> = BTreeSet::new();
    let mut one_page = 0;
    for total in [1, 30, 60, 110, 220, 520, 1040] {
        while made.len() < total {
            let batch: Vec<_> = (made.len()..total.min(made.len() + 16))
                .map(|number| host(&format!("page-{number}")))
                .collect::<Result<_, _>>()?;
            let created = try_join_all(batch.iter().map(|host| bench.cloud.provision(host))).await;
            made.extend(created.during("provision")?.into_iter().map(|host| host.id));
        }
        let filter = ListFilter::all();
        let (listed, requests) = bench.counted(bench.cloud.list(&filter)).await?;
        let listed: Vec<HostId> = listed.during("list")?.into_iter().map(|host| host.id).collect();
        let distinct: BTreeSet<HostId> = listed.iter().cloned().collect();
        ensure!(
            distinct.len() == listed.len(),
            "a list of {total} hosts holds {} of them twice: check how pages are advanced",
            listed.len() - distinct.len()
        );
        ensure!(
            distinct == made,
            "of {total} hosts the list holds {} in {requests} requests: check that every page is read",
            distinct.len()
        );
        if total == 1 {
            one_page = requests;
        } else if requests > one_page {
            return Ok(());
        }
    }
    Err(Failure::new(
        "listing 1040 hosts took no more requests than listing one: if the cloud has no pages, skip the case with that reason",
    ))
}

/// A host without our marker is neither listed nor deleted by IP; deleting it by its id is allowed.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn list_only_marked(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let foreign = stand.seed_foreign_host().await?;
    let ours = bench.active(&host("ours-1")?).await?;
    let foreign = bench.until_active(&foreign.id).await?;
    let ip = foreign.ip.during("the address of an active host")?;
    let listed = bench.cloud.list(&ListFilter::all()).await.during("list")?;
    let ids: Vec<&HostId> = listed.iter().map(|host| &host.id).collect();
    ensure!(
        ids == [&ours.id],
        "list should hold only the host {} that carries our marker, but holds {ids:?} ({} belongs to somebody else)",
        ours.id,
        foreign.id
    );
    let by_ip = HostDeleteRequest::ip(ip);
    refused(
        bench.cloud.delete(&by_ip).await,
        ErrorKind::NotFound,
        "delete by the IP of a host without our marker",
    )?;
    ensure!(
        bench.hosts().len() == 2,
        "delete by IP removed a host that does not carry our marker"
    );
    bench.delete(foreign.id).await?;
    ensure!(
        bench.hosts().len() == 1,
        "delete by id should remove a host without our marker, and only that one"
    );
    Ok(())
}

/// The filters by label, name and region leave exactly the hosts that pass.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn list_filters(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    for (name, team) in [("filter-1", "web"), ("filter-2", "web"), ("filter-3", "db")] {
        let mut wanted = host(name)?;
        wanted.labels = labels(&format!("team={team}"))?;
        bench.cloud.provision(&wanted).await.during("provision")?;
    }
    let by_label = |text: &str| -> Result<ListFilter, Failure> {
        let mut filter = ListFilter::all();
        filter.labels = labels(text)?;
        Ok(filter)
    };
    let mut by_name = ListFilter::all();
    by_name.name = host("filter-2").map(|host| Some(host.name))?;
    let mut by_both = by_label("team=web")?;
    by_both.name = host("filter-3").map(|host| Some(host.name))?;
    let mut here = ListFilter::all();
    here.region = RegionFilter::Only(bench.cloud.info().default_region.to_owned());
    let cases = [
        (
            "everything",
            ListFilter::all(),
            vec!["filter-1", "filter-2", "filter-3"],
        ),
        ("label team=web", by_label("team=web")?, vec!["filter-1", "filter-2"]),
        ("label team=none", by_label("team=none")?, vec![]),
        ("name filter-2", by_name, vec!["filter-2"]),
        ("label team=web and name filter-3", by_both, vec![]),
        ("the default region", here, vec!["filter-1", "filter-2", "filter-3"]),
    ];
    for (what, filter, expected) in cases {
        let listed = bench.cloud.list(&filter).await.during(&format!("list by {what}"))?;
        let mut names: Vec<&str> = listed.iter().map(|host| host.name.as_str()).collect();
        names.sort_unstable();
        ensure!(
            names == expected,
            "list by {what} should hold {expected:?}, but holds {names:?}"
        );
    }
    Ok(())
}
