use provision_core::{ErrorKind, HostDeleteRequest, HostId};

use super::bench::{Bench, host, other_id};
use crate::{
    Failure, Stand,
    failure::{During, ensure, refused},
};

/// The status of a host that never existed, or is gone, is `NotFound`.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn status_unknown_id(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    let active = bench.active(&host("status-1")?).await?;
    let unknown = other_id(&active.id)?;
    refused(
        bench.cloud.status(&unknown).await,
        ErrorKind::NotFound,
        "status of an id that no host has",
    )?;
    bench.delete(active.id.clone()).await?;
    refused(
        bench.cloud.status(&active.id).await,
        ErrorKind::NotFound,
        "status of a deleted host",
    )?;
    Ok(())
}

/// An id that this cloud cannot have made is refused before any request.
///
/// # Errors
/// [`Failure`] that says how the provider breaks it.
pub async fn malformed_id(stand: &dyn Stand) -> Result<(), Failure> {
    let bench = Bench::new(stand)?;
    for text in ["a|b|c|d", ":"] {
        let id = HostId::new(text).ok().during("the id")?;
        let (status, asked) = bench.counted(bench.cloud.status(&id)).await?;
        let request = HostDeleteRequest::from(id);
        let (delete, deleted) = bench.counted(bench.cloud.delete(&request)).await?;
        for (what, error, count) in [("status", status.err(), asked), ("delete", delete.err(), deleted)] {
            let error = error.ok_or_else(|| Failure::new(format!("{what} of id {text:?} should fail")))?;
            ensure!(
                matches!(error.kind(), ErrorKind::InvalidRequest | ErrorKind::NotFound),
                "{what} of id {text:?} should fail with invalid_request or not_found, but failed with {}: {error}",
                error.kind()
            );
            ensure!(
                count == 0,
                "{what} of id {text:?} sent {count} requests: check the form of an id before it reaches a URL"
            );
        }
    }
    Ok(())
}
