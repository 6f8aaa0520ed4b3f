//! Values for completion: the clouds are known, the rest is what earlier commands saw.

use std::ffi::{OsStr, OsString};

use clap::Command;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use provision::ProviderInfo;

use crate::{
    config::Config,
    seen::{self, Section},
};

/// Gives the arguments their values, by their names.
pub(super) fn attach(command: Command) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let command = names
        .into_iter()
        .fold(command, |command, name| command.mut_subcommand(name, attach));
    let makes_a_host = command.get_name() == "create";
    command.mut_args(|argument| match argument.get_id().as_str() {
        "provider" => argument.add(ArgValueCompleter::new(providers)),
        "plan" | "plans" => argument.add(of(Section::Plans)),
        "region" | "regions" | "zone" => argument.add(of(Section::Regions)),
        "image" => argument.add(of(Section::Images)),
        "id" | "host" | "hosts" if !makes_a_host => argument.add(of(Section::Hosts)),
        _ => argument,
    })
}

fn providers(current: &OsStr) -> Vec<CompletionCandidate> {
    let typed = current.to_string_lossy();
    let names = |info: &'static ProviderInfo| [info.id].into_iter().chain(info.aliases.iter().copied());
    provision::providers()
        .into_iter()
        .flat_map(|info| {
            // An alias only where its cloud's own name does not fit.
            let fits = |name: &&str| name.starts_with(&*typed);
            let fitting = names(info).find(fits);
            fitting.map(|name| CompletionCandidate::new(name).help(Some(info.title.into())))
        })
        .collect()
}

fn of(section: Section) -> ArgValueCompleter {
    ArgValueCompleter::new(move |current: &OsStr| {
        let typed = current.to_string_lossy();
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let mut found: Vec<String> = clouds(&arguments)
            .into_iter()
            .flat_map(|info| seen::read(info.id, is_simulated(&arguments), section))
            .filter(|value| value.starts_with(&*typed))
            .collect();
        found.sort();
        found.dedup();
        found.into_iter().map(CompletionCandidate::new).collect()
    })
}

/// The clouds that the line so far names, as the command itself would take it.
fn clouds(arguments: &[OsString]) -> Vec<&'static ProviderInfo> {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    let named = words.iter().enumerate().rev().find_map(|(at, word)| match *word {
        "-p" | "--provider" => words.get(at + 1).copied(),
        word => word
            .strip_prefix("--provider=")
            .or_else(|| word.strip_prefix("-p").filter(|rest| !rest.is_empty())),
    });
    let variable = || std::env::var("PROVISION_PROVIDER").ok().filter(|name| !name.is_empty());
    let configured = || Config::load(None, None).ok()?.default_provider;
    let names = named.map(str::to_owned).or_else(variable).or_else(configured);
    let names = names.unwrap_or_else(|| crate::context::DEFAULT_PROVIDER.to_owned());
    match names.as_str() {
        "all" => provision::providers(),
        names => names.split(',').filter_map(|name| provision::find(name).ok()).collect(),
    }
}

fn is_simulated(arguments: &[OsString]) -> bool {
    arguments.iter().any(|word| word == "--sim")
}
