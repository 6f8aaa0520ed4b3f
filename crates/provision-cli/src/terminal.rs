//! What a terminal is given: its width, colours where they are wanted, and never a character of the cloud's that it would obey.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, IsTerminal as _},
};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use terminal_size::{Width, terminal_size_of};

/// What a text says, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Tone {
    #[default]
    Plain,
    Good,
    Busy,
    Bad,
    Faint,
}

impl Tone {
    fn style(self) -> Style {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        match self {
            Self::Plain => Style::new(),
            Self::Good => color(AnsiColor::Green),
            Self::Busy => color(AnsiColor::Yellow),
            Self::Bad => color(AnsiColor::Red).bold(),
            Self::Faint => Style::new().dimmed(),
        }
    }

    /// The text in its colour.
    pub(crate) fn paint(self, text: &str, colors: bool) -> String {
        if !colors || self == Self::Plain {
            return text.to_owned();
        }
        let style = self.style();
        format!("{style}{text}{style:#}")
    }
}

/// Whether stdout takes colours: a terminal that is not dumb, and no `NO_COLOR`.
pub(crate) fn stdout_has_colors() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// Whether stderr takes colours.
pub(crate) fn stderr_has_colors() -> bool {
    AutoStream::choice(&io::stderr()) != ColorChoice::Never
}

/// The columns of the terminal that stdout is; `None` when it is none.
pub(crate) fn width() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    match terminal_size_of(&stdout) {
        Some((Width(columns), _)) if columns > 0 => Some(usize::from(columns)),
        _ => Some(80),
    }
}

/// Whether stderr is a terminal on which a line can be drawn again.
pub(crate) fn stderr_moves() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Whether somebody sits there who can be asked.
pub(crate) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// The text with everything written out that a terminal would obey, or that would make it show another text than it is:
/// control characters, escape sequences, marks of direction, invisible characters.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if obeyed(character) {
            // Writing to a string cannot fail.
            let _ = write!(shown, "{}", character.escape_default());
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// A JSON text that says the same in characters that no terminal obeys. They can only stand inside its strings.
pub(crate) fn clean_json(text: &str) -> Cow<'_, str> {
    let obeyed = |c: char| obeyed(c) && c != '\n';
    if !text.contains(obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if obeyed(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(shown, "\\u{unit:04x}");
            }
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

/// Whether a text holds anything of that kind, apart from line ends.
pub(crate) fn is_clean(text: &str) -> bool {
    !text.contains(|c: char| obeyed(c) && c != '\n')
}

fn obeyed(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        for (text, shown) in [
            ("web-1", "web-1"),
            ("größe 日本", "größe 日本"),
            ("\u{1b}]0;owned\u{7}x", r"\u{1b}]0;owned\u{7}x"),
            ("a\u{9b}31mb", r"a\u{9b}31mb"),
            ("abc\rerror: x\nhint: rm", r"abc\rerror: x\nhint: rm"),
            ("\u{202e}txt.exe", r"\u{202e}txt.exe"),
            ("a\u{200b}b\u{2066}c\u{e0041}", r"a\u{200b}b\u{2066}c\u{e0041}"),
        ] {
            assert_eq!(clean(text), shown);
            assert_eq!(is_clean(text), text == shown);
        }
    }

    #[test]
    fn json_says_the_same() {
        for text in ["plain", "\u{202e}x", "a\u{9b}b", "\u{e0041}", "\u{1b}[31m"] {
            let json = serde_json::to_string(text).unwrap();
            let shown = clean_json(&json).into_owned();
            assert!(is_clean(&shown), "{shown}");
            assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }
    }

    #[test]
    fn colours_are_only_there_when_wanted() {
        assert_eq!(Tone::Good.paint("active", false), "active");
        assert_eq!(Tone::Good.paint("active", true), "\u{1b}[32mactive\u{1b}[0m");
        assert_eq!(Tone::Plain.paint("x", true), "x");
    }
}
