//! What a simulated cloud is to the engine.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::{
    call::Call,
    kit::{answer::Answer, limit::Limit},
    record::Item,
};

/// Static facts about a simulated cloud: how programs are sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CloudInfo {
    /// The cloud's id, such as `hetzner`; also the first part of the path under which it is served.
    pub id: &'static str,
    /// The real host names; a `*` stands for one label (`ec2.*.amazonaws.com`).
    pub hosts: &'static [&'static str],
    /// What to append to the server's base URL to get the provider's `endpoint` setting, such as `/hetzner`.
    pub endpoint_path: &'static str,
    /// Settings, by the provider crates' names, that the simulated account accepts.
    pub settings: &'static [(&'static str, &'static str)],
}

/// How a call ends: both sides are answers, so that a refusal can leave through `?`.
pub(crate) type Handled = Result<Answer, Answer>;

/// Trouble that the engine makes and the cloud puts into its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Too many requests; try again after that many seconds, where the cloud says so.
    RateLimited(Option<u64>),
    /// A fault of the cloud, with this status (500 to 599).
    ServerError(u16),
    /// The credential is not accepted.
    Unauthorized,
}

/// One cloud. A module in `clouds/` implements this on a unit struct; everything else is the engine's business:
/// routing, faults, log, storage, clock, transport.
pub(crate) trait Cloud: Send + Sync + 'static {
    /// Everything that the account holds. Times in it are milliseconds since 1970; nothing in it may depend on the
    /// order of a hash map, as the stored text tells whether a request changed something.
    type State: Default + Serialize + DeserializeOwned + Send;

    /// The static facts.
    fn info(&self) -> CloudInfo;

    /// Answers a request. [`tick`](Self::tick) has run for this moment.
    fn handle(&self, call: &mut Call<'_>, state: &mut Self::State) -> Handled;

    /// The cloud's words for trouble that the engine makes.
    fn trouble(&self, call: &Call<'_>, trouble: Trouble) -> Answer;

    /// How many requests the account may make, as far as the cloud announces it. Enforced only where the simulator was told to.
    fn limits(&self) -> &'static [Limit] {
        &[]
    }

    /// Headers that every answer carries (request id, rate limit); one that the answer has already is left alone.
    fn headers(&self, call: &Call<'_>) -> Vec<(&'static str, String)>;

    /// Brings the state up to the moment: drops what is gone by now.
    fn tick(&self, state: &mut Self::State, now: u64);

    /// Everything that exists and bills or would stay behind. [`tick`](Self::tick) has run.
    fn inventory(&self, state: &Self::State) -> Vec<Item>;
}

/// A cloud together with its state, whatever type that is.
pub(crate) trait Slot: Send {
    fn info(&self) -> CloudInfo;
    fn handle(&mut self, call: &mut Call<'_>) -> Answer;
    fn trouble(&self, call: &Call<'_>, trouble: Trouble) -> Answer;
    fn limits(&self) -> &'static [Limit];
    fn headers(&self, call: &Call<'_>) -> Vec<(&'static str, String)>;
    fn inventory(&mut self, now: u64) -> Vec<Item>;
    fn save(&self) -> serde_json::Result<Box<RawValue>>;
    /// Replaces the state; `None` empties it.
    fn load(&mut self, state: Option<&RawValue>) -> serde_json::Result<()>;
}

/// An empty account at a cloud.
pub(crate) fn slot<C: Cloud>(cloud: C) -> Box<dyn Slot> {
    Box::new(Account {
        cloud,
        state: C::State::default(),
    })
}

struct Account<C: Cloud> {
    cloud: C,
    state: C::State,
}

impl<C: Cloud> Slot for Account<C> {
    fn info(&self) -> CloudInfo {
        self.cloud.info()
    }

    fn handle(&mut self, call: &mut Call<'_>) -> Answer {
        self.cloud.tick(&mut self.state, call.now);
        match self.cloud.handle(call, &mut self.state) {
            Ok(answer) | Err(answer) => answer,
        }
    }

    fn trouble(&self, call: &Call<'_>, trouble: Trouble) -> Answer {
        self.cloud.trouble(call, trouble)
    }

    fn limits(&self) -> &'static [Limit] {
        self.cloud.limits()
    }

    fn headers(&self, call: &Call<'_>) -> Vec<(&'static str, String)> {
        self.cloud.headers(call)
    }

    fn inventory(&mut self, now: u64) -> Vec<Item> {
        self.cloud.tick(&mut self.state, now);
        self.cloud.inventory(&self.state)
    }

    fn save(&self) -> serde_json::Result<Box<RawValue>> {
        serde_json::value::to_raw_value(&self.state)
    }

    fn load(&mut self, state: Option<&RawValue>) -> serde_json::Result<()> {
        self.state = match state {
            Some(state) => serde_json::from_str(state.get())?,
            None => C::State::default(),
        };
        Ok(())
    }
}
