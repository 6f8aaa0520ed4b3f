//! Gce as the simulator plays it. FILL-IN: the API's pages that this was written from.

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::call::Call;
use crate::cloud::{Cloud, CloudInfo, Handled, Trouble};
use crate::kit::answer::Answer;
use crate::record::Item;

/// The cloud.
pub(crate) struct Gce;

/// Everything that the account holds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct State {}

impl Cloud for Gce {
    type State = State;

    fn info(&self) -> CloudInfo {
        CloudInfo {
            id: "gce",
            hosts: &["api.gce.example"],
            endpoint_path: "/gce",
            settings: &[("token", "sim-gce-token")],
        }
    }

    fn handle(&self, _call: &mut Call<'_>, _state: &mut State) -> Handled {
        Err(Answer::json(404, &json!({"message": "not simulated yet"})))
    }

    fn trouble(&self, _call: &Call<'_>, trouble: Trouble) -> Answer {
        let (status, message) = match trouble {
            Trouble::RateLimited(_) => (429, "too many requests"),
            Trouble::ServerError(status) => (status, "server error"),
            Trouble::Unauthorized => (401, "unauthorized"),
        };
        Answer::json(status, &json!({"message": message}))
    }

    fn headers(&self, _call: &Call<'_>) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    fn tick(&self, _state: &mut State, _now: u64) {}

    fn inventory(&self, _state: &State) -> Vec<Item> {
        Vec::new()
    }
}
