//! What an answer and a list may cost.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use provision_core::{Clock, Result};

use crate::{Answer, Request};

/// What an answer and a list may cost: faulty and hostile clouds give answers without an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bounds {
    /// Bytes of one answer, decompressed.
    pub answer_bytes: usize,
    /// Bytes of all pages of a list together.
    pub list_bytes: usize,
    /// Items of a list.
    pub list_items: usize,
    /// Pages of a list.
    pub list_pages: usize,
    /// From the first request for a list to the last.
    pub list_time: Duration,
}

impl Bounds {
    /// More than any account's limits allow.
    pub const WIDE: Self = Self {
        answer_bytes: 64 * 1024 * 1024,
        list_bytes: 128 * 1024 * 1024,
        list_items: 200_000,
        list_pages: 2_000,
        list_time: Duration::from_secs(300),
    };

    /// Enough for some thousand hosts: for accounts of strangers, who share this program's memory with others.
    pub const NARROW: Self = Self {
        answer_bytes: 8 * 1024 * 1024,
        list_bytes: 16 * 1024 * 1024,
        list_items: 20_000,
        list_pages: 200,
        list_time: Duration::from_secs(60),
    };
}

impl Default for Bounds {
    fn default() -> Self {
        Self::WIDE
    }
}

/// How far a list has come.
pub(crate) struct Progress {
    bounds: Bounds,
    clock: Clock,
    began: Duration,
    pages: usize,
    bytes: usize,
    items: usize,
    asked: BTreeSet<u64>,
    last: Option<u64>,
}

impl Progress {
    pub(crate) fn new(bounds: Bounds, clock: Clock, first: &Request) -> Self {
        Self {
            began: clock.now(),
            bounds,
            clock,
            pages: 0,
            bytes: 0,
            items: 0,
            asked: BTreeSet::from([of_request(first)]),
            last: None,
        }
    }

    /// Counts a page before it is read.
    ///
    /// # Errors
    /// `UnexpectedResponse` for a list that is too large.
    pub(crate) fn count(&mut self, answer: &Answer) -> Result<()> {
        self.pages += 1;
        self.bytes = self.bytes.saturating_add(answer.body().len());
        if self.bytes > self.bounds.list_bytes {
            return Err(without_end(
                answer,
                &format!("has more than {} bytes", self.bounds.list_bytes),
            ));
        }
        Ok(())
    }

    /// Counts what is on the page, and checks that the next one leads on.
    ///
    /// # Errors
    /// `UnexpectedResponse` for a list that is too large, or goes round in a circle.
    pub(crate) fn go_on(&mut self, answer: &Answer, items: usize, next: Option<&Request>) -> Result<()> {
        self.items = self.items.saturating_add(items);
        if self.items > self.bounds.list_items {
            return Err(without_end(
                answer,
                &format!("has more than {} items", self.bounds.list_items),
            ));
        }
        let Some(next) = next else { return Ok(()) };
        if self.pages >= self.bounds.list_pages {
            return Err(without_end(
                answer,
                &format!("has more than {} pages", self.bounds.list_pages),
            ));
        }
        if self.clock.now().saturating_sub(self.began) > self.bounds.list_time {
            let seconds = self.bounds.list_time.as_secs();
            return Err(without_end(answer, &format!("takes longer than {seconds} s")));
        }
        let page = hash(|hasher| answer.body().hash(hasher));
        // An empty page may well look like the one before.
        let again = items > 0 && self.last.replace(page) == Some(page);
        if again || !self.asked.insert(of_request(next)) {
            return Err(without_end(answer, "gives the same page again"));
        }
        Ok(())
    }
}

fn without_end(answer: &Answer, what: &str) -> provision_core::Error {
    answer.unexpected(format!(
        "the list {what} and seems to have no end: try again, or report it"
    ))
}

fn of_request(request: &Request) -> u64 {
    hash(|hasher| {
        request.url().as_str().hash(hasher);
        request.body_bytes().hash(hasher);
    })
}

fn hash(write: impl FnOnce(&mut DefaultHasher)) -> u64 {
    let mut hasher = DefaultHasher::new();
    write(&mut hasher);
    hasher.finish()
}
