use async_trait::async_trait;
use provision::{BasicHost, IdempotencyKey, ProviderInfo};

use crate::{context::Context, engine::State, failure::Failure, managed::Managed};

/// What a kind of resource needs from the cluster for its host, and does in the cluster on account of it.
#[async_trait]
pub trait Effects: Managed {
    /// The host to ask for. Reads, and makes, what the host needs to know.
    async fn request(
        &mut self,
        context: &Context,
        key: &IdempotencyKey,
        info: &ProviderInfo,
    ) -> Result<BasicHost, Failure>;
    /// Does for the rest of the cluster what follows from the host's state.
    async fn follow(&mut self, context: &Context, state: &State) -> Result<(), Failure>;
    /// Undoes it, before the host is deleted.
    async fn withdraw(&self, context: &Context) -> Result<(), Failure>;
}
