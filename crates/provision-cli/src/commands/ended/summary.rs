//! The last words about a host that is up, for people.

use std::time::SystemTime;

use crate::{context::Context, duration, output::HostDocument, price, ready::Check};

/// Address, what answers, price, expiry, and the commands that show and delete it.
pub(super) fn lines(context: &Context, document: &HostDocument, answering: &[Check], now: SystemTime) -> Vec<String> {
    let Some(host) = document.host() else {
        return Vec::new();
    };
    let mut rows: Vec<(&str, String)> = Vec::new();
    rows.extend(host.ip.map(|ip| ("address", ip.to_string())));
    if !answering.is_empty() {
        let answering: Vec<String> = answering.iter().map(ToString::to_string).collect();
        rows.push(("answers", answering.join(", ")));
    }
    rows.push(("price", price::announced(document.price())));
    if let Some(expires) = host.expires() {
        let gc = context.command(&["-p", host.provider, "gc", "--delete"]);
        rows.push((
            "expires",
            format!("{}, deleted by: {gc}", duration::until(expires, now)),
        ));
    }
    rows.push(("show", context.host_command("status", host.provider, &host.id, &[])));
    rows.push((
        "delete",
        context.host_command("delete", host.provider, &host.id, &["--wait"]),
    ));
    // Nobody has looked whether anything on it answers.
    let state = if answering.is_empty() { "active" } else { "up" };
    let mut lines = vec![format!("{} is {state}", host.name)];
    lines.extend(rows.into_iter().map(|(name, value)| format!("  {name:8} {value}")));
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser as _;
    use provision::{EXPIRES_LABEL, HostId, HostStatus, Labels, Price, ProvisionedHost};

    use super::*;

    #[test]
    fn everything_is_said_that_is_known() {
        let cli = crate::args::Cli::try_parse_from(["provision", "--sim", "providers"]).unwrap();
        let context = Context::new(cli.globals).unwrap();
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_764_000_000);
        let id = HostId::new("100").unwrap();
        let mut host = ProvisionedHost::new("digitalocean", id, "web-1", HostStatus::Active, "active");
        host.ip = Some([203, 0, 113, 7].into());
        let checks = ["tcp:22", "http://:80/"].map(|text| text.parse().unwrap());
        let price = Price::new(4.0, "USD").unwrap().with_as_of("2026-09-20");
        let document = HostDocument::from(&host).with_price(Some(price));
        let expected = [
            "web-1 is up",
            "  address  203.0.113.7",
            "  answers  tcp:22, http://:80/",
            "  price    4.00 USD a month (without tax and traffic, price of 2026-09-20)",
            "  show     provision --sim status digitalocean/100",
            "  delete   provision --sim delete digitalocean/100 --wait",
        ];
        assert_eq!(lines(&context, &document, &checks, now), expected);

        host.labels = Labels::from_vendor([(EXPIRES_LABEL, "1764007200")]);
        let said = lines(&context, &HostDocument::from(&host), &[], now).join("\n");
        assert!(said.starts_with("web-1 is active\n"), "{said}");
        assert!(said.contains("  price    its price is not known\n"), "{said}");
        let expires = "  expires  in 2h, deleted by: provision --sim -p digitalocean gc --delete\n";
        assert!(said.contains(expires), "{said}");
    }
}
