//! The marks around a generated block. They are lines that contain the text below, in the file's own comment syntax.

use crate::Result;

/// What stands between the marks `name` in `file`.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) file: String,
    pub(crate) name: &'static str,
    pub(crate) lines: Vec<String>,
}

/// The text with the lines between the two marks replaced, indented like the first mark.
pub(super) fn splice(text: &str, name: &str, body: &[String]) -> Result<String> {
    let (begin, end) = (
        format!("BEGIN GENERATED {name} (cargo xtask generate)"),
        format!("END GENERATED {name}"),
    );
    let lines: Vec<&str> = text.lines().collect();
    let marks = |mark: &str| {
        lines
            .iter()
            .enumerate()
            .filter(|(_, line)| is_mark(line, mark))
            .map(|(at, _)| at)
            .collect()
    };
    let (begins, ends): (Vec<usize>, Vec<usize>) = (marks(&begin), marks(&end));
    let ([first], [last]) = (begins.as_slice(), ends.as_slice()) else {
        return Err(format!(
            "block `{name}` must stand exactly once, but its first mark stands {} and its last {} times; write the two \
             lines `{begin}` and `{end}` as comments where the block belongs",
            begins.len(),
            ends.len()
        ));
    };
    if last < first {
        return Err(format!("block `{name}` ends before it begins"));
    }
    let kept = |range: &[&str]| range.iter().map(|line| format!("{line}\n")).collect::<String>();
    let (head, tail) = (
        lines.get(..=*first).unwrap_or_default(),
        lines.get(*last..).unwrap_or_default(),
    );
    let indent: String = head
        .last()
        .map(|line| line.chars().take_while(|c| c.is_whitespace()).collect())
        .unwrap_or_default();
    let body: String = body
        .iter()
        .map(|line| {
            if line.is_empty() {
                "\n".to_owned()
            } else {
                format!("{indent}{line}\n")
            }
        })
        .collect();
    Ok(format!("{}{body}{}", kept(head), kept(tail)))
}

/// Whether a line is the mark and nothing else but comment characters, so that prose may speak of marks.
fn is_mark(line: &str, mark: &str) -> bool {
    line.split_once(mark).is_some_and(|(before, after)| {
        before.chars().all(|c| " \t#/<!-".contains(c)) && after.chars().all(|c| " \t->".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(body: &[&str]) -> Vec<String> {
        body.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn replaces_only_what_stands_between_the_marks_in_every_comment_syntax() {
        for (open, close) in [("# ", ""), ("// ", ""), ("<!-- ", " -->"), ("    // ", "")] {
            let indent = &open[..open.len() - open.trim_start().len()];
            let text = |body: &str| {
                format!(
                    "before\n{open}BEGIN GENERATED x (cargo xtask generate){close}\n{body}{open}END GENERATED x{close}\nafter\n"
                )
            };
            let spliced = splice(&text("old\nolder\n"), "x", &lines(&["new", "", "newer"])).unwrap();
            assert_eq!(spliced, text(&format!("{indent}new\n\n{indent}newer\n")));
            assert_eq!(splice(&spliced, "x", &lines(&["new", "", "newer"])).unwrap(), spliced);
        }
    }

    #[test]
    fn a_block_that_is_missing_doubled_or_turned_around_is_an_error() {
        let (begin, end) = ("# BEGIN GENERATED x (cargo xtask generate)\n", "# END GENERATED x\n");
        for text in [
            "",
            begin,
            end,
            &format!("{end}{begin}"),
            &format!("{begin}{end}{begin}{end}"),
        ] {
            splice(text, "x", &[]).unwrap_err();
        }
        let other = format!("{begin}{end}").replace(" x", " xy");
        assert!(splice(&other, "x", &[]).unwrap_err().contains("exactly once"));
    }
}
