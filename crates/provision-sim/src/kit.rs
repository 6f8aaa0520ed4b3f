//! What clouds have in common: answers, bodies, queries, pages, ids, addresses, life cycles.

pub(crate) mod access;
pub(crate) mod answer;
pub(crate) mod fields;
pub(crate) mod ids;
pub(crate) mod life;
pub(crate) mod limit;
pub(crate) mod page;
pub(crate) mod query;
pub(crate) mod text;
