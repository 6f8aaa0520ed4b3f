//! Slices of lists: by page number, or by an opaque cursor.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    /// What is on it.
    pub(crate) items: Vec<T>,
    /// Its number, from 1; may lie behind the last one.
    pub(crate) number: u64,
    /// Number of the last page, at least 1.
    pub(crate) last: u64,
    /// Most items of a page.
    pub(crate) size: u64,
    /// How many items the whole list has.
    pub(crate) total: u64,
}

impl<T> Page<T> {
    /// Cuts page `number` (from 1) out of a list; `size` is at least 1.
    pub(crate) fn cut(list: Vec<T>, number: u64, size: u64) -> Self {
        let (number, size) = (number.max(1), size.max(1));
        let total = u64::try_from(list.len()).unwrap_or(u64::MAX);
        let skip = usize::try_from((number - 1).saturating_mul(size)).unwrap_or(usize::MAX);
        let take = usize::try_from(size).unwrap_or(usize::MAX);
        let items = list.into_iter().skip(skip).take(take).collect();
        Self {
            items,
            number,
            last: total.div_ceil(size).max(1),
            size,
            total,
        }
    }

    /// The same page of other things.
    pub(crate) fn map<U>(self, change: impl Fn(T) -> U) -> Page<U> {
        let Self {
            items,
            number,
            last,
            size,
            total,
        } = self;
        Page {
            items: items.into_iter().map(change).collect(),
            number,
            last,
            size,
            total,
        }
    }

    /// Number of the page behind, if there is one.
    pub(crate) fn next(&self) -> Option<u64> {
        (self.number < self.last).then(|| self.number + 1)
    }

    /// Number of the page before, if there is one.
    pub(crate) fn previous(&self) -> Option<u64> {
        (self.number > 1).then(|| (self.number - 1).min(self.last))
    }
}

/// Cuts out the slice behind a cursor (`None`: from the start) and names the cursor of the next one. `None` when the
/// cursor is not one of ours.
pub(crate) fn cut_at_cursor<T>(list: Vec<T>, cursor: Option<&str>, size: usize) -> Option<(Vec<T>, Option<String>)> {
    let start: usize = match cursor {
        Some(cursor) => {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
            text.strip_prefix("after:")?.parse().ok()?
        }
        None => 0,
    };
    let end = start.saturating_add(size.max(1));
    let next = (end < list.len()).then(|| URL_SAFE_NO_PAD.encode(format!("after:{end}")));
    Some((list.into_iter().skip(start).take(end - start).collect(), next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_know_their_neighbours() {
        let list: Vec<u32> = (0..45).collect();
        let middle = Page::cut(list.clone(), 2, 20);
        assert_eq!(
            (middle.items[0], middle.items.len(), middle.last, middle.total),
            (20, 20, 3, 45)
        );
        assert_eq!((middle.previous(), middle.next()), (Some(1), Some(3)));
        let last = Page::cut(list.clone(), 3, 20);
        assert_eq!((last.items.len(), last.next()), (5, None));
        let behind = Page::cut(list, 9, 20);
        assert_eq!(
            (behind.items.len(), behind.previous(), behind.next()),
            (0, Some(3), None)
        );
        let empty = Page::cut(Vec::<u32>::new(), 1, 20);
        assert_eq!((empty.last, empty.previous(), empty.next()), (1, None, None));
    }

    #[test]
    fn cursors_lead_through_the_whole_list() {
        let list: Vec<u32> = (0..5).collect();
        let (first, cursor) = cut_at_cursor(list.clone(), None, 2).unwrap();
        let (second, cursor) = cut_at_cursor(list.clone(), cursor.as_deref(), 2).unwrap();
        let (third, end) = cut_at_cursor(list.clone(), cursor.as_deref(), 2).unwrap();
        assert_eq!([first, second, third].concat(), list);
        assert_eq!(end, None);
        assert_eq!(cut_at_cursor(list, Some("bogus"), 2), None);
    }
}
