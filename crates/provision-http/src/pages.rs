use serde::de::DeserializeOwned;

use provision_core::Result;

use crate::Answer;

/// One page of a list whose pages have numbers.
pub trait NumberedPage: DeserializeOwned {
    /// What the list is of.
    type Item: Send;

    /// Whether another page follows this one, which has the given number. `seen` counts the items of the pages before; a page
    /// that goes by it adds its own.
    fn has_more(&self, page: usize, seen: &mut usize, answer: &Answer) -> bool;

    /// What is on the page.
    fn into_items(self) -> Vec<Self::Item>;
}

/// One page of a list in which every page tells how to ask for the next.
pub trait ChainedPage: DeserializeOwned {
    /// What the list is of.
    type Item: Send;

    /// What is on the page, and the token of the next one; an empty token counts as none.
    ///
    /// # Errors
    /// Whatever makes the page useless, such as a part of the list that the cloud could not read.
    fn into_parts(self, answer: &Answer) -> Result<(Vec<Self::Item>, Option<String>)>;
}
