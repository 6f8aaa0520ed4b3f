use std::{fs, net::IpAddr};

use provision_sim::TlsIdentity;

use crate::{
    args::{Globals, ServeArgs, SimCommand},
    failure::{Exit, Failure, Outcome},
    id,
    interrupt::Interrupt,
    output,
    progress::{hint, say},
    simulator,
};

/// `provision sim serve`
pub(super) async fn serve(globals: &Globals, args: &ServeArgs) -> Outcome {
    let interrupt = Interrupt::listen()?;
    let sim = simulator::open_with(globals.sim_state.as_deref(), args.boot_time.0, !args.no_rate_limits)?;
    for fault in &args.faults {
        sim.faults().add(fault.clone());
    }
    let failed = |error: std::io::Error| Failure::other(format!("cannot serve on {}", args.listen), &error);
    let server = if args.tls {
        let identity = TlsIdentity::generate().map_err(|error| Failure::other("cannot make certificates", &error))?;
        publish(&identity, args)?;
        sim.serve_tls(args.listen, &identity).await.map_err(failed)?
    } else {
        sim.serve(args.listen).await.map_err(failed)?
    };
    output::print(&format!("{}\n", server.base_url()))?;
    hint(&format!("look at it in a browser: {}/_sim/", server.base_url()));
    if args.tls {
        hint("`provision sim hosts` prints the names for the hosts file");
    } else {
        for cloud in provision_sim::clouds() {
            let url = format!("{}{}", server.base_url(), cloud.endpoint_path);
            let mut words = vec!["provision".to_owned(), "-p".to_owned(), cloud.id.to_owned()];
            words.extend(["--endpoint".to_owned(), url]);
            for (name, value) in cloud.settings {
                words.extend(setting(cloud.id, name, value)?);
            }
            words.push("list".to_owned());
            let words: Vec<String> = words.iter().map(|word| id::quoted(word)).collect();
            hint(&words.join(" "));
        }
    }
    say("serving simulated clouds until Ctrl-C: nothing here is real or bills");
    interrupt.happened().await;
    server.shutdown().await;
    Ok(Exit::Ok)
}

/// The options for a setting of a simulated cloud, to be pasted into a shell. A key of many words goes into a file.
fn setting(cloud: &str, name: &str, value: &str) -> Outcome<[String; 2]> {
    let option = format!("{name}={value}");
    if id::quoted(&option) == option {
        return Ok(["--set".to_owned(), option]);
    }
    let path = simulator::state_file(None)?.with_file_name(format!("sim-{cloud}-{name}"));
    let written = path.parent().map_or(Ok(()), fs::create_dir_all);
    written
        .and_then(|()| fs::write(&path, value))
        .map_err(|error| Failure::other(format!("cannot write {}", path.display()), &error))?;
    Ok(["--secret-file".to_owned(), format!("{name}={}", path.display())])
}

fn publish(identity: &TlsIdentity, args: &ServeArgs) -> Outcome<()> {
    match &args.ca_out {
        Some(path) => {
            fs::write(path, identity.ca_pem())
                .map_err(|error| Failure::other(format!("cannot write {}", path.display()), &error))?;
            hint(&format!("clients trust it with SSL_CERT_FILE={}", path.display()));
        }
        None => identity.ca_pem().trim_end().lines().for_each(say),
    }
    Ok(())
}

/// `provision sim hosts`, `inventory` and `reset`
pub(super) fn run(globals: &Globals, command: &SimCommand) -> Outcome {
    let failed = |error: std::io::Error| Failure::other("cannot read or write the simulated clouds", &error);
    match command {
        SimCommand::Hosts { ip } => output::print(&hosts(*ip))?,
        SimCommand::Reset => {
            simulator::open(globals)?.try_reset().map_err(failed)?;
            say("the simulated clouds are empty");
        }
        // `serve` has its own function.
        SimCommand::Inventory | SimCommand::Serve(_) => {
            let items = simulator::open(globals)?.try_inventory().map_err(failed)?;
            let rows = items.iter().map(|item| {
                vec![
                    item.cloud.clone(),
                    item.kind.clone(),
                    item.id.clone(),
                    output::or_dash(Some(&item.name)),
                    output::or_dash(Some(&item.region)),
                    if item.bills { "yes" } else { "no" }.to_owned(),
                ]
            });
            let header = ["CLOUD", "KIND", "ID", "NAME", "REGION", "BILLS"];
            output::rows(globals.output.unwrap_or_default(), &items, &header, rows)?;
        }
    }
    Ok(Exit::Ok)
}

/// Lines for a hosts file. A name with a `*` cannot stand there; it is shown as a comment.
fn hosts(ip: IpAddr) -> String {
    let mut lines = String::new();
    for host in provision_sim::clouds().iter().flat_map(|cloud| cloud.hosts) {
        if host.contains('*') {
            lines.push_str(&format!("# {ip} {host} (a line for each name that is used)\n"));
        } else {
            lines.push_str(&format!("{ip} {host}\n"));
        }
    }
    lines
}
