//! What the README tells people to type.
#![allow(clippy::unwrap_used, clippy::panic, reason = "test code")]

mod support;

use http::Method;
use provision_sim::{Fault, SimRequest};

const README: &str = include_str!("../README.md");

/// The lines between the heading and the next one that stand in code blocks.
fn code_of(heading: &str) -> Vec<&'static str> {
    let (_, section) = README.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section
        .split("```")
        .skip(1)
        .step_by(2)
        .flat_map(|block| block.lines().skip(1))
        .collect()
}

/// The value of an option, which may stand in quotation marks.
fn option<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!(" {name} "))?;
    match rest.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next(),
        None => rest.split(' ').next(),
    }
}

#[test]
fn every_example_of_the_admin_api_works() {
    let sim = support::sim();
    let examples = code_of("Admin API");
    assert!(examples.len() >= 11, "{examples:?}");
    // The examples ask for the eighteenth request.
    for _ in 0..18 {
        sim.handle(SimRequest::new(Method::GET, "/digitalocean/v2/droplets"));
    }
    for line in &examples {
        let url = line.rsplit(' ').next().unwrap();
        let body = option(line, "-d");
        let method = option(line, "-X").unwrap_or(if body.is_some() { "POST" } else { "GET" });
        let mut request = SimRequest::new(method.parse().unwrap(), url);
        if let Some(body) = body {
            request = request.json(&serde_json::from_str(body).unwrap());
        }
        let answer = sim.handle(request).answer().unwrap();
        assert!(answer.status().is_success(), "{line}: {}", answer.status());
    }
    // Every route has an example.
    let nowhere = sim.handle(SimRequest::new(Method::GET, "/_sim/none")).answer().unwrap();
    let nowhere: serde_json::Value = serde_json::from_slice(nowhere.body()).unwrap();
    for route in nowhere["routes"].as_array().unwrap() {
        let (method, path) = route.as_str().unwrap().split_once(' ').unwrap();
        let path = path.replace("{id}", "1").replace("?after={number}", "?after=17");
        let path = path.replace("{number}", "18");
        let shown = |line: &&&str| {
            let own = option(line, "-X").unwrap_or(if line.contains(" -d ") { "POST" } else { "GET" });
            own == method && line.ends_with(&path)
        };
        assert!(
            examples.iter().any(|line| shown(&line)),
            "{method} {path} has no example"
        );
    }
}

#[test]
fn every_fault_written_as_text_is_one() {
    let faults = code_of("Faults");
    assert!(!faults.is_empty());
    for text in faults {
        text.parse::<Fault>().unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    for text in README.split("--fault ").skip(1) {
        let text = text.split(['`', ' ', '\n']).next().unwrap();
        text.parse::<Fault>().unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

#[test]
fn the_readme_names_every_cloud() {
    for cloud in provision_sim::clouds() {
        assert!(
            README.contains(&format!("`{}`", cloud.id)),
            "{} is not in the README",
            cloud.id
        );
    }
}
