use clap::Command;

/// Each command with examples: a line, or a comment above one.
const EXAMPLES: &[(&str, &[&str])] = &[
    (
        "create",
        &[
            "# Try it without an account",
            "provision --sim create web-1 --user-data examples/nginx.yaml --wait",
            "# A host that lives for two hours, with two ports open",
            "provision -p hetzner create web-1 -u setup.sh --port 80,443 --ttl 2h",
            "# Until a page answers, not only until the host is active",
            "provision create web-1 -u examples/nginx.yaml --wait-for http://:80/",
            "# What would be asked for, without asking",
            "provision create web-1 --plan s-1vcpu-1gb --region fra1 --dry-run",
        ],
    ),
    (
        "status",
        &[
            "provision status digitalocean/512000001",
            "provision status digitalocean/512000001 -o json",
        ],
    ),
    (
        "list",
        &["provision list", "provision -p hetzner list --label team=web -o json"],
    ),
    (
        "wait",
        &[
            "provision wait digitalocean/512000001",
            "provision wait digitalocean/512000001 --deleted --timeout 5m",
        ],
    ),
    (
        "delete",
        &[
            "provision delete digitalocean/512000001 --wait",
            "provision -p hetzner delete --ip 203.0.113.1 --wait",
        ],
    ),
    (
        "plans",
        &["provision plans", "provision -p scaleway plans --region nl-ams-1"],
    ),
    (
        "images",
        &["provision images", "provision -p ec2 images --region eu-west-1"],
    ),
    (
        "regions",
        &["provision regions", "provision -p hetzner regions -o json"],
    ),
    (
        "providers",
        &["provision providers", "provision providers -p gce -o yaml"],
    ),
    (
        "gc",
        &[
            "# What would be deleted",
            "provision gc",
            "provision -p hetzner gc --delete",
            "# A script that has a timer of systemd do it every hour",
            "provision -p hetzner gc --install systemd",
        ],
    ),
    (
        "inlets create",
        &[
            "# A public SSH port for a machine at home",
            "provision inlets create ssh-1 --tcp --port 2222",
            "# HTTPS with a certificate; point the domain to the printed address",
            "provision -p hetzner inlets create web-1 --letsencrypt-domain tunnel.example.com",
            "# As inletsctl has it",
            "provision inlets create -p digitalocean --region lon1 --access-token-file token --tcp",
        ],
    ),
    (
        "inlets status",
        &["provision inlets status", "provision inlets status ssh-1"],
    ),
    (
        "inlets delete",
        &[
            "provision inlets delete ssh-1",
            "# One that inletsctl made",
            "provision inlets delete -p ec2 --id i-0a1b2c3d4e5f60718 --region eu-west-1",
        ],
    ),
    (
        "login",
        &[
            "provision login -p hetzner",
            "# Another account of the same cloud",
            "provision login -p do --profile work",
        ],
    ),
    ("doctor", &["provision doctor", "provision doctor -p hetzner -o json"]),
    ("config init", &["provision config init"]),
    ("config list", &["provision config list"]),
    (
        "config show",
        &[
            "provision config show",
            "provision config show -p hetzner --profile work",
        ],
    ),
    ("config path", &["provision config path"]),
    (
        "user-data check",
        &[
            "provision user-data check web.yaml",
            "provision user-data check --strict -p civo setup.sh",
            "provision user-data check --var TOKEN=@token web.yaml -o json",
        ],
    ),
    (
        "sim serve",
        &[
            "provision sim serve --listen 127.0.0.1:8080",
            "# The answer of every create is lost",
            "provision sim serve --fault reset-after:method=POST",
        ],
    ),
    ("sim hosts", &["provision sim hosts"]),
    ("sim inventory", &["provision sim inventory -o json"]),
    ("sim reset", &["provision sim reset"]),
    (
        "completions",
        &[
            "# bash, in ~/.bashrc",
            "source <(provision completions bash)",
            "# zsh, in ~/.zshrc",
            "source <(provision completions zsh)",
            "# fish, in ~/.config/fish/config.fish",
            "provision completions fish | source",
        ],
    ),
    ("man", &["provision man /usr/local/share/man/man1"]),
];

/// Puts the examples of each command at the end of its page.
pub(super) fn attach(mut command: Command, path: &mut Vec<String>) -> Command {
    let name = path.join(" ");
    if let Some((_, lines)) = EXAMPLES.iter().find(|(known, _)| *known == name) {
        let lines: Vec<String> = lines.iter().map(|line| format!("  {line}")).collect();
        command = command.after_help(format!("Examples:\n{}", lines.join("\n")));
    }
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    for name in names {
        path.push(name.clone());
        command = command.mut_subcommand(name, |sub| attach(sub, path));
        path.pop();
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(command: &Command, path: &str, found: &mut Vec<String>) {
        for sub in command.get_subcommands() {
            let path = format!("{path} {}", sub.get_name()).trim().to_owned();
            if sub.has_subcommands() {
                pages(sub, &path, found);
            } else {
                found.push(path);
            }
        }
    }

    #[test]
    fn every_page_has_examples_and_every_example_a_page() {
        let mut found = Vec::new();
        pages(&crate::help::command(), "", &mut found);
        let mut known: Vec<String> = EXAMPLES.iter().map(|(page, _)| (*page).to_owned()).collect();
        found.sort();
        known.sort();
        assert_eq!(found, known, "write examples into src/help/examples.rs");
    }

    #[test]
    fn every_example_is_a_command_that_is_understood() {
        for (page, lines) in EXAMPLES {
            let commands = lines.iter().filter(|line| !line.starts_with('#'));
            let mut tried = 0;
            for line in commands {
                let line = line.trim_start_matches("source <(").trim_end_matches(')');
                let line = line.trim_end_matches(" | source");
                let parsed = crate::help::command().try_get_matches_from(line.split(' '));
                assert!(parsed.is_ok(), "{page}: {line}: {}", parsed.unwrap_err());
                tried += 1;
            }
            assert!(tried > 0, "{page}");
        }
    }
}
