//! Looking at Rust source without parsing it: comments and the contents of literals are blanked out, so that a word in
//! prose or in a string is not taken for code.

/// The source with comments and literals blanked. Lines keep their numbers.
pub(super) fn blank(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(next) = rest.chars().next() {
        let skipped = comment(rest)
            .or_else(|| raw_string(rest, &code))
            .or_else(|| quoted(rest));
        let length = skipped.unwrap_or(next.len_utf8());
        let (taken, left) = rest.split_at(length);
        if skipped.is_some() {
            code.push(' ');
            code.extend(taken.chars().filter(|c| *c == '\n'));
        } else {
            code.push_str(taken);
        }
        rest = left;
    }
    code
}

/// The blanked source up to the module `tests`, which stands last in a file.
pub(super) fn without_tests(code: &str) -> &str {
    let mark = code.find("#[cfg(test)]\nmod tests");
    mark.and_then(|at| code.get(..at)).unwrap_or(code)
}

/// Whether `word` stands in the code, not as a part of a longer word.
pub(super) fn contains(code: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(at, _)| {
        let before = code.get(..at).and_then(|text| text.chars().next_back());
        let after = code.get(at + word.len()..).and_then(|text| text.chars().next());
        let open = |neighbour: Option<char>| !neighbour.is_some_and(part_of_word);
        (open(before) || !word.starts_with(part_of_word)) && (open(after) || !word.ends_with(part_of_word))
    })
}

/// Length of the comment that the text starts with.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        return Some(text.find('\n').unwrap_or(text.len()));
    }
    if !text.starts_with("/*") {
        return None;
    }
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(left) = text.get(at..).filter(|left| !left.is_empty()) {
        if left.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if left.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return Some(at);
            }
        } else {
            at += left.chars().next().map_or(1, char::len_utf8);
        }
    }
    Some(text.len())
}

/// Length of the raw string that the text starts with. `before` tells `r"` from the end of a name.
fn raw_string(text: &str, before: &str) -> Option<usize> {
    if before.ends_with(|c: char| c.is_alphanumeric() && c != 'b' && c != 'c') {
        return None;
    }
    let hashes = text.strip_prefix('r')?.chars().take_while(|c| *c == '#').count();
    let body = 2 + hashes;
    if text.get(1 + hashes..body)? != "\"" {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    text.get(body..)?.find(&close).map(|at| body + at + close.len())
}

/// Length of the string or character that the text starts with. A lifetime is neither.
fn quoted(text: &str) -> Option<usize> {
    let quote = text.chars().next().filter(|c| *c == '"' || *c == '\'')?;
    let mut characters = text.char_indices().skip(1);
    let mut inside = 0;
    while let Some((at, c)) = characters.next() {
        if c == quote {
            return Some(at + 1);
        }
        if c == '\\' {
            // `\u{..}` is longer than one character, and so is what it stands for here.
            let escaped = characters.next();
            if quote == '\'' && escaped.is_some_and(|(_, c)| c == 'u') {
                return text.get(1..)?.find('\'').map(|close| close + 2);
            }
        }
        inside += 1;
        if quote == '\'' && inside > 1 {
            return None;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_and_literals_are_blank_and_code_is_not() {
        let source = r####"
fn a<'a>(x: &'a str) { // todo!("in a comment")
    /* todo!() /* nested */ todo!() */ let b = "todo!() \" todo!()"; let c = r#"todo!(" "#; let d = b"todo!()";
    let e = '"'; let f = '\''; let g = '\u{22}'; keep_1(); let h = "
    todo!()"; keep_2::<'a>();
}
"####;
        let code = blank(source);
        assert!(!code.contains("todo"), "{code}");
        assert!(code.contains("keep_1()") && code.contains("keep_2::<'a>()"), "{code}");
        assert_eq!(code.lines().count(), source.lines().count());
        assert!(blank("let x = y; todo!()").contains("todo!("));
    }

    #[test]
    fn words_are_whole() {
        assert!(contains("use tokio::time;", "tokio"));
        assert!(contains("std::env::var", "std::env"));
        assert!(!contains("std::environment", "std::env"));
        assert!(!contains("use my_tokio::time;", "tokio"));
        assert!(!contains("eprintln!()", "println!"));
    }

    #[test]
    fn tests_are_cut_off() {
        assert_eq!(
            without_tests("fn a() {}\n#[cfg(test)]\nmod tests {\n std::env }"),
            "fn a() {}\n"
        );
        assert_eq!(without_tests("fn a() {}"), "fn a() {}");
    }
}
