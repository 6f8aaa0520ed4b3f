//! Tables that fit the terminal: long cells are shortened, and where that is not enough, columns without anything in them go, then
//! those that matter least.

use unicode_width::UnicodeWidthStr as _;

use crate::{
    failure::{Failure, Outcome},
    terminal::{Tone, clean},
};

/// What stands between two columns.
const GAP: usize = 2;
const MISSING: &str = "-";

/// A column: its title, and what becomes of it where there is no room.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<'a> {
    title: &'a str,
    /// The place in the order in which columns go; `None`: it stays.
    goes: Option<u8>,
    /// The width to which it can be shortened; `None`: it is shown in full or not at all.
    shortest: Option<usize>,
    /// Only shown when it is asked for.
    wide: bool,
}

impl<'a> Column<'a> {
    /// A column that stays.
    pub(crate) const fn new(title: &'a str) -> Self {
        Self {
            title,
            goes: None,
            shortest: None,
            wide: false,
        }
    }

    pub(crate) fn title(&self) -> &'a str {
        self.title
    }

    /// A column that goes before those with a higher number.
    pub(crate) const fn goes(mut self, order: u8) -> Self {
        self.goes = Some(order);
        self
    }

    /// A column whose cells can be shortened.
    pub(crate) const fn shortens_to(mut self, width: usize) -> Self {
        self.shortest = Some(width);
        self
    }

    /// A column for `-o wide` and `--columns`.
    pub(crate) const fn wide(mut self) -> Self {
        self.wide = true;
        self
    }
}

/// A cell: its text, its colour, and the number by which it is sorted where it has one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
    number: Option<f64>,
}

impl Cell {
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        let text = if text.is_empty() { MISSING } else { text };
        Self {
            text: clean(text).into_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn with_tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    pub(crate) fn sorted_by(mut self, number: Option<f64>) -> Self {
        self.number = number;
        self
    }

    fn is_missing(&self) -> bool {
        self.text == MISSING
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl<T: AsRef<str>> From<Option<T>> for Cell {
    fn from(text: Option<T>) -> Self {
        text.map_or_else(|| Self::new(""), Self::new)
    }
}

/// What the user wants of a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    /// The columns in their order; empty: the usual ones.
    pub(crate) columns: Vec<String>,
    /// The column to sort by, with `-` before it the other way round.
    pub(crate) sort: Option<String>,
    pub(crate) no_header: bool,
    /// Every column, in full.
    pub(crate) wide: bool,
    /// The columns of the terminal.
    pub(crate) width: Option<usize>,
    pub(crate) colors: bool,
}

/// The table as text, each line with its end.
pub(crate) fn table(columns: &[Column<'_>], mut rows: Vec<Vec<Cell>>, look: &Look) -> Outcome<String> {
    if let Some(sort) = &look.sort {
        let (name, backwards) = match sort.strip_prefix('-') {
            Some(name) => (name, true),
            None => (sort.as_str(), false),
        };
        let by = find(columns, name)?;
        rows.sort_by(|a, b| {
            let order = compare(a.get(by), b.get(by));
            if backwards { order.reverse() } else { order }
        });
    }
    let mut shown: Vec<usize> = if look.columns.is_empty() {
        (0..columns.len())
            .filter(|at| look.wide || columns.get(*at).is_some_and(|column| !column.wide))
            .collect()
    } else {
        let chosen = look.columns.iter().map(|name| find(columns, name));
        chosen.collect::<Outcome<_>>()?
    };
    let mut layout = Layout {
        columns,
        rows: &rows,
        header: !look.no_header,
    };
    let mut widths: Vec<usize> = shown.iter().map(|at| layout.width(*at)).collect();
    if let Some(limit) = look.width.filter(|_| !look.wide) {
        if look.columns.is_empty() {
            layout.drop_columns(&mut shown, &mut widths, limit);
        }
        layout.shorten(&shown, &mut widths, limit);
    }
    layout.header = !look.no_header;
    Ok(layout.text(&shown, &widths, look.colors))
}

/// The first column alone, a line for each row.
pub(crate) fn names(rows: &[Vec<Cell>]) -> String {
    let names = rows.iter().filter_map(|row| row.first());
    names.map(|cell| format!("{}\n", cell.text)).collect()
}

fn find(columns: &[Column<'_>], name: &str) -> Outcome<usize> {
    let plain = |text: &str| text.replace([' ', '_'], "-").to_lowercase();
    let found = columns.iter().position(|column| plain(column.title) == plain(name));
    found.ok_or_else(|| {
        let known: Vec<String> = columns.iter().map(|column| plain(column.title)).collect();
        Failure::usage(format!(
            "there is no column `{}`; known: {}",
            clean(name),
            known.join(", ")
        ))
    })
}

/// Numbers by size, texts by their letters, what is missing last.
fn compare(a: Option<&Cell>, b: Option<&Cell>) -> std::cmp::Ordering {
    let (Some(a), Some(b)) = (a, b) else {
        return a.is_some().cmp(&b.is_some());
    };
    let missing = a.is_missing().cmp(&b.is_missing());
    missing.then_with(|| match (a.number, b.number) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.text.cmp(&b.text),
    })
}

struct Layout<'a> {
    columns: &'a [Column<'a>],
    rows: &'a [Vec<Cell>],
    header: bool,
}

impl<'a> Layout<'a> {
    fn cells(&self, at: usize) -> impl Iterator<Item = &Cell> {
        self.rows.iter().filter_map(move |row| row.get(at))
    }

    fn title(&self, at: usize) -> &'a str {
        self.columns.get(at).map_or("", |column| column.title)
    }

    fn width(&self, at: usize) -> usize {
        let title = if self.header { self.title(at).width() } else { 0 };
        let cells = self.cells(at).map(|cell| cell.text.width());
        cells.max().unwrap_or(0).max(title)
    }

    /// Takes columns away until the rest fits, or could be shortened to fit.
    fn drop_columns(&self, shown: &mut Vec<usize>, widths: &mut Vec<usize>, limit: usize) {
        let mut order: Vec<(bool, u8, usize)> = shown
            .iter()
            .filter_map(|at| {
                let goes = self.columns.get(*at)?.goes?;
                let empty = self.cells(*at).all(Cell::is_missing);
                Some((!empty, goes, *at))
            })
            .collect();
        order.sort_unstable();
        for (_, _, column) in order {
            let least = shown
                .iter()
                .zip(widths.iter())
                .map(|(at, width)| self.least(*at, *width));
            if total(least) <= limit {
                return;
            }
            if let Some(at) = shown.iter().position(|at| *at == column) {
                shown.remove(at);
                widths.remove(at);
            }
        }
    }

    fn least(&self, at: usize, width: usize) -> usize {
        let shortest = self.columns.get(at).and_then(|column| column.shortest);
        shortest.map_or(width, |shortest| shortest.min(width))
    }

    /// Makes the widest column that can be shortened narrower, again and again.
    fn shorten(&self, shown: &[usize], widths: &mut [usize], limit: usize) {
        while total(widths.iter().copied()) > limit {
            let widest = shown
                .iter()
                .zip(widths.iter_mut())
                .filter(|(at, width)| self.least(**at, **width) < **width)
                .max_by_key(|(_, width)| **width);
            let Some((_, width)) = widest else { return };
            *width -= 1;
        }
    }

    fn text(&self, shown: &[usize], widths: &[usize], colors: bool) -> String {
        let mut text = String::new();
        let header = shown.iter().map(|at| Cell {
            text: self.title(*at).to_owned(),
            ..Cell::default()
        });
        if self.header {
            line(&mut text, header.collect::<Vec<_>>().iter(), widths, false);
        }
        for row in self.rows {
            line(&mut text, shown.iter().filter_map(|at| row.get(*at)), widths, colors);
        }
        text
    }
}

fn total(widths: impl Iterator<Item = usize>) -> usize {
    let (columns, sum) = widths.fold((0_usize, 0), |(columns, sum), width| (columns + 1, sum + width));
    sum + GAP * columns.saturating_sub(1)
}

fn line<'a>(text: &mut String, cells: impl Iterator<Item = &'a Cell>, widths: &[usize], colors: bool) {
    let mut blank = 0;
    for (cell, width) in cells.zip(widths) {
        let shown = shortened(&cell.text, *width);
        let taken = shown.width();
        // No line ends with blanks.
        if taken > 0 {
            text.extend(std::iter::repeat_n(' ', blank));
            text.push_str(&cell.tone.paint(&shown, colors));
            blank = 0;
        }
        blank += width.saturating_sub(taken) + GAP;
    }
    text.push('\n');
}

/// The text within a width, its middle left out: both ends of an id tell more than one.
fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let room = width.saturating_sub(1);
    let fits = |room: usize| {
        let mut used = 0;
        move |c: &char| {
            used += c.to_string().width();
            used <= room
        }
    };
    let head: String = text.chars().take_while(fits(room.div_ceil(2))).collect();
    let tail: Vec<char> = text.chars().rev().take_while(fits(room / 2)).collect();
    format!("{head}…{}", tail.into_iter().rev().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 5] = [
        Column::new("ID").shortens_to(10),
        Column::new("NAME"),
        Column::new("PLAN").goes(1),
        Column::new("EXPIRES").goes(9),
        Column::new("IMAGE").wide(),
    ];

    fn rows() -> Vec<Vec<Cell>> {
        [
            ["cloud/0123456789abcdef", "web-1", "small-and-long", "-", "ubuntu"],
            ["cloud/1", "größe", "big", "-", "debian"],
        ]
        .map(|row| row.map(Cell::from).to_vec())
        .to_vec()
    }

    fn at(width: Option<usize>) -> String {
        let look = Look {
            width,
            ..Look::default()
        };
        table(&COLUMNS, rows(), &look).unwrap()
    }

    #[test]
    fn without_a_terminal_everything_is_shown_in_full() {
        let expected = "\
ID                      NAME   PLAN            EXPIRES
cloud/0123456789abcdef  web-1  small-and-long  -
cloud/1                 größe  big             -
";
        assert_eq!(at(None), expected);
        assert_eq!(at(Some(54)), expected);
    }

    #[test]
    fn empty_columns_go_first_then_the_order_counts_then_cells_are_shortened() {
        let header = |width| {
            at(Some(width))
                .lines()
                .next()
                .unwrap()
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert_eq!(header(53), "ID NAME PLAN EXPIRES");
        assert_eq!(header(42), "ID NAME PLAN EXPIRES");
        assert_eq!(header(41), "ID NAME PLAN");
        assert_eq!(header(32), "ID NAME");
        assert_eq!(
            at(Some(20)),
            "ID             NAME\ncloud/…abcdef  web-1\ncloud/1        größe\n"
        );
    }

    #[test]
    fn no_line_is_longer_than_the_terminal() {
        for width in 17..80 {
            for line in at(Some(width)).lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn columns_are_chosen_and_sorted() {
        let look = Look {
            columns: vec!["name".into(), "image".into()],
            sort: Some("-name".into()),
            no_header: true,
            ..Look::default()
        };
        assert_eq!(
            table(&COLUMNS, rows(), &look).unwrap(),
            "web-1  ubuntu\ngröße  debian\n"
        );
        let look = Look {
            sort: Some("price".into()),
            ..Look::default()
        };
        let failure = table(&COLUMNS, rows(), &look).unwrap_err();
        assert_eq!(
            failure.lines(),
            ["there is no column `price`; known: id, name, plan, expires, image"]
        );
    }

    #[test]
    fn numbers_are_sorted_by_size_and_what_is_missing_is_last() {
        let cell = |text: &str, number| Cell::new(text).sorted_by(number);
        let mut cells = [
            cell("10.00 USD", Some(10.0)),
            cell("", None),
            cell("9.00 USD", Some(9.0)),
        ];
        cells.sort_by(|a, b| compare(Some(a), Some(b)));
        assert_eq!(cells.map(|cell| cell.text), ["9.00 USD", "10.00 USD", "-"]);
    }

    #[test]
    fn what_the_cloud_says_cannot_move_the_cursor() {
        let rows = vec![vec![Cell::from("a\u{1b}[2Jb\n\u{202e}c")]];
        let text = table(&[Column::new("ID")], rows, &Look::default()).unwrap();
        assert_eq!(text, "ID\na\\u{1b}[2Jb\\n\\u{202e}c\n");
    }
}
