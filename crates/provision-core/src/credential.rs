use crate::Invalid;

/// A credential as it is meant: without the white space around it that files, shells and clipboards add.
///
/// ```
/// assert_eq!(provision_core::clean_credential("abc123\n")?, "abc123");
/// assert!(provision_core::clean_credential("\"abc123\"").is_err());
/// # Ok::<(), provision_core::Invalid>(())
/// ```
///
/// # Errors
/// [`Invalid`] when a byte order mark, quotes or white space within show that more was copied than the credential. The text of
/// a key file (JSON or PEM) may have all of it but the mark.
pub fn clean_credential(text: &str) -> Result<&str, Invalid> {
    if text.starts_with('\u{feff}') {
        return Err(Invalid::new(
            "starts with a byte order mark: save the file as UTF-8 without one",
        ));
    }
    let text = text.trim();
    if text.starts_with(['{', '[']) || text.starts_with("-----BEGIN ") {
        return Ok(text);
    }
    let quotes = ['"', '\'', '`', '\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}'];
    if text.starts_with(quotes) || text.ends_with(quotes) {
        return Err(Invalid::new("is in quotes: remove them"));
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\u{feff}' || c == '\u{200b}') {
        return Err(Invalid::new(
            "has white space or a control character within: copy it anew, alone and whole",
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_surrounds_a_credential_is_removed_or_named() {
        for text in ["hush", " hush\r\n", "\thush "] {
            assert_eq!(clean_credential(text).unwrap(), "hush");
        }
        assert_eq!(clean_credential("{\"a\": \"b c\"}\n").unwrap(), "{\"a\": \"b c\"}");
        assert_eq!(clean_credential("").unwrap(), "");
        for (text, expected) in [
            ("\u{feff}hush", "byte order mark"),
            ("\"hush\"", "in quotes"),
            ("'hush'\n", "in quotes"),
            ("hush\u{201d}", "in quotes"),
            ("hu sh", "white space"),
            ("hush\nhush", "white space"),
            ("hu\u{200b}sh", "white space"),
        ] {
            let error = clean_credential(text).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("hush"), "{error}");
        }
    }
}
