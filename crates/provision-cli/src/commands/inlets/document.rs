use provision::ProvisionedHost;
use provision_exit_server::inlets::{Mode, control_url};
use serde::Serialize;
use serde_json::Value;

use super::token::Token;
use crate::{
    args::Format,
    context::Context,
    failure::{Failure, Outcome},
    id,
    output::{self, HostDocument, or_dash},
};

/// What a user needs to know of a tunnel's server beside its host.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Tunnel {
    /// `tcp` or `https`.
    mode: &'static str,
    /// Where the server waits for its client.
    url: Option<String>,
    /// Whether it answers there; `null` where nobody looked.
    answers: Option<bool>,
    /// The secret that client and server share, where it is known.
    token: Option<String>,
    token_file: Option<String>,
    client_command: Option<String>,
    delete_command: String,
}

impl Tunnel {
    pub(super) fn new(
        context: &Context,
        host: &ProvisionedHost,
        mode: Mode,
        token: Option<&Token>,
        answers: Option<bool>,
    ) -> Self {
        let option = token.map_or_else(|| "--token-file=FILE".to_owned(), Token::option);
        let shown = id::shown(host.provider, &host.id);
        Self {
            mode: mode.as_str(),
            url: host.ip.map(control_url),
            answers: answers.filter(|_| !context.globals.sim),
            token: token.map(|token| token.token.expose().to_owned()),
            token_file: token.and_then(|token| Some(token.file.as_ref()?.display().to_string())),
            client_command: host.ip.map(|ip| mode.client_command(ip, &option)),
            delete_command: context.command(&["inlets", "delete", &shown]),
        }
    }
}

/// Prints a tunnel's server: for people as lines, else as the host's document with `tunnel` in it.
pub(super) fn print(context: &Context, shown: &HostDocument, host: &ProvisionedHost, tunnel: &Tunnel) -> Outcome<()> {
    if matches!(context.format(), Format::Json | Format::Yaml) {
        return output::document(context.format(), &document(shown, tunnel)?);
    }
    let answers = tunnel.answers.map(|answers| if answers { "yes" } else { "no" });
    let rows = [
        ("id", Some(id::shown(host.provider, &host.id))),
        ("name", Some(host.name.clone())),
        ("status", Some(host.status.as_str().to_owned())),
        ("address", host.ip.map(|ip| ip.to_string())),
        ("answers", answers.map(str::to_owned)),
        ("monthly", shown.price().map(ToString::to_string)),
        ("token", tunnel.token.clone()),
        ("token file", tunnel.token_file.clone()),
        ("client", tunnel.client_command.clone()),
        ("delete", Some(tunnel.delete_command.clone())),
    ];
    let title = format!("{} TUNNEL", tunnel.mode.to_ascii_uppercase());
    let rows = rows
        .into_iter()
        .filter(|(name, value)| value.is_some() || *name == "address");
    let rows = rows.map(|(name, value)| vec![name.to_owned(), or_dash(value.as_deref())]);
    output::rows(Format::Table, &(), &[&title, ""], rows)
}

/// The host's document with the tunnel in it.
pub(super) fn document(host: &HostDocument, tunnel: &Tunnel) -> Outcome<Value> {
    let failed = |error| Failure::other("cannot write JSON", &error);
    let mut document = serde_json::to_value(host).map_err(failed)?;
    if let Some(fields) = document.as_object_mut() {
        fields.insert("tunnel".to_owned(), serde_json::to_value(tunnel).map_err(failed)?);
    }
    Ok(document)
}
