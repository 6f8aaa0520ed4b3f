//! `provision inlets`: the servers of inlets tunnels, with inletsctl's flags.

mod cloud;
mod create;
mod delete;
mod document;
mod status;
mod token;

use crate::{
    args::{Globals, InletsCommand},
    context::Context,
    failure::Outcome,
    id,
};

/// The label of every server that is made here, with what its tunnel carries as its value.
const LABEL: &str = "inlets";

/// `provision inlets ...`
pub(super) async fn run(mut globals: Globals, command: &InletsCommand) -> Outcome {
    let info = match command.host().and_then(|host| id::split(host).0) {
        // inletsctl's ids of Google begin with a name.
        Some(prefix) if provision::find(prefix).is_ok() => provision::find(prefix)?,
        _ => Context::new(globals.clone())?.provider()?,
    };
    cloud::take_flags(command.cloud(), info, &mut globals)?;
    let mut context = Context::new(globals)?;
    context.config.check_profile()?;
    context.variables = cloud::variables(info, |name| std::env::var(name).ok());
    match command {
        InletsCommand::Create(args) => create::run(&context, info, args).await,
        InletsCommand::Status(args) => status::run(&context, info, args).await,
        InletsCommand::Delete(args) => delete::run(&context, info, args).await,
    }
}
