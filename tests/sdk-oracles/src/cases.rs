//! What a case is, and how one is run.

use std::future::Future;
use std::pin::Pin;

use crate::world::World;

/// Why a case failed.
pub(crate) type Outcome = Result<(), String>;
/// A case under way.
pub(crate) type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;
/// A case: it gets a simulator of its own.
pub(crate) type Case = fn(World) -> Running;
/// The cases of an SDK by name. SDKs share names where they ask for the same.
pub(crate) type Sdk = &'static [(&'static str, Case)];

/// Runs a case. A panic is a failure of the case alone.
pub(crate) async fn run(case: Case) -> Outcome {
    let world = World::start().await.map_err(|error| format!("simulator: {error}"))?;
    match tokio::spawn(case(world)).await {
        Ok(outcome) => outcome,
        Err(error) => Err(format!("panicked: {error}")),
    }
}

/// Lists async functions as cases.
#[macro_export]
macro_rules! cases {
    ($($name:literal => $function:path),* $(,)?) => {
        pub(crate) const CASES: $crate::cases::Sdk = &[$(($name, |world| Box::pin($function(world)))),*];
    };
}

/// The cases of a module, if its feature is built.
#[macro_export]
macro_rules! built {
    ($feature:literal, $module:ident) => {{
        #[cfg(feature = $feature)]
        {
            Some($module::CASES)
        }
        #[cfg(not(feature = $feature))]
        {
            None
        }
    }};
}

/// Fails the case unless both sides are equal.
#[macro_export]
macro_rules! same {
    ($found:expr, $wanted:expr) => {
        $crate::cases::same($found, $wanted, concat!(file!(), ":", line!()))?
    };
}

/// Fails the case unless it holds.
#[macro_export]
macro_rules! holds {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!("{}:{}: {}", file!(), line!(), format!($($message)+)));
        }
    };
}

/// What the macro of this name calls.
pub(crate) fn same<A: std::fmt::Debug + PartialEq<B>, B: std::fmt::Debug>(found: A, wanted: B, at: &str) -> Outcome {
    if found == wanted {
        Ok(())
    } else {
        Err(format!("{at}: {found:?} instead of {wanted:?}"))
    }
}
