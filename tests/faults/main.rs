//! The fault matrix: every request of every operation of every cloud meets every fault, and the caller repeats the command as
//! the documentation says. `cargo xtask matrix --faults` runs all cases, `cargo test` a share of them.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests, which clippy does not count as tests"
)]

mod broken;
mod case;
mod fault;
mod known;
mod operation;
mod page;
mod verdict;
mod wire;
mod world;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use provision_testkit::Manifest;

use case::{Case, cases_of};
use operation::Operation;
use verdict::{Table, Verdict};
use world::Around;

fn clouds() -> Vec<String> {
    let manifest = Manifest::find(env!("CARGO_MANIFEST_DIR")).unwrap();
    manifest.rows.into_iter().map(|row| row.id).collect()
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(work)
}

fn all_cases(clouds: &[String]) -> Vec<Case> {
    let cases: Vec<Vec<Case>> = in_parallel(clouds, |cloud| block_on(cases_of(cloud)));
    cases.into_iter().flatten().collect()
}

/// Does something for each of many things, on all cores, and answers in their order.
fn in_parallel<T: Sync, R: Send>(things: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, R)>> = Mutex::default();
    let threads = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((number, thing)) = {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    things.get(number).map(|thing| (number, thing))
                } {
                    let result = work(thing);
                    done.lock().unwrap().push((number, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

fn run_all(cases: &[Case], around: &Arc<Around>) -> Vec<Verdict> {
    in_parallel(cases, |case| block_on(case.run(around.clone())))
}

/// Runs cases, prints the table and every objection, and answers the table and the objections that are no open point.
fn report(cases: &[Case]) -> (Table, Vec<String>) {
    let around: Arc<Around> = Arc::new(|real| real);
    let verdicts = run_all(cases, &around);
    let (mut table, mut objections) = (Table::default(), Vec::new());
    for (case, verdict) in cases.iter().zip(&verdicts) {
        let number = Operation::ALL.iter().position(|known| *known == case.operation);
        table.count(&case.cloud, number.unwrap_or_default(), case.operation.name(), verdict);
        for (column, text) in &verdict.0 {
            let text = format!("{case}: {}: {text}", column.title());
            match known::find(&case.cloud, case.operation, *column) {
                Some(known) => println!("{text} (open: {})", known.reason),
                None => objections.push(text),
            }
        }
    }
    println!("\n{}\n{} cases", table.render(), cases.len());
    (table, objections)
}

/// Text of an environment variable that is set and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn assert_none(objections: &[String]) {
    let count = objections.len();
    assert!(
        objections.is_empty(),
        "{count} objections; repeat one with `cargo xtask matrix --faults --case NAME`\n{}",
        objections.join("\n")
    );
}

/// How many cases of the whole run with every `cargo test`.
const SHARE: usize = 160;

#[test]
fn a_share_of_all_cases() {
    let seed = variable("PROVISION_FAULTS_SEED").map_or(1, |seed| seed.parse().expect("the seed is a number"));
    let mut cases = all_cases(&clouds());
    // Written by the first run of all cases.
    if let Ok(page) = std::fs::read_to_string(page::path()) {
        assert_eq!(
            page::rows(&page),
            page::rows_of(&cases),
            "docs/faults.md (left) has other cases than the code: run `cargo xtask matrix --faults`"
        );
    }
    let mut chance = fastrand::Rng::with_seed(seed);
    chance.shuffle(&mut cases);
    cases.truncate(SHARE);
    println!("seed {seed}");
    assert_none(&report(&cases).1);
}

#[test]
#[ignore = "minutes: cargo xtask matrix --faults"]
fn whole() {
    let mut clouds = clouds();
    if let Some(only) = variable("PROVISION_FAULTS_CLOUDS") {
        clouds.retain(|cloud| only.split(',').any(|wanted| wanted == cloud));
    }
    let mut cases = all_cases(&clouds);
    if let Some(name) = variable("PROVISION_FAULTS_CASE") {
        cases.retain(|case| case.to_string().starts_with(&name));
        assert!(!cases.is_empty(), "there is no case {name}");
    }
    let (table, mut objections) = report(&cases);
    if let Some(path) = variable("PROVISION_FAULTS_PAGE") {
        // The rows of clouds that were not run stay as they are.
        let before = std::fs::read_to_string(&path).unwrap_or_default();
        let table = table.with_others_of(&before);
        std::fs::write(path, page::render(&table)).unwrap();
        objections.extend(known::unmet(&table));
    }
    assert_none(&objections);
}
