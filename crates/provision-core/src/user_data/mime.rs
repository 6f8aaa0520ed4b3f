//! MIME texts: several parts in one, each below headers of its own.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{IdempotencyKey, Invalid};

/// A part of a MIME text: its headers and what they are about. Counts as a secret, as the whole does.
#[derive(Clone)]
pub struct UserDataPart {
    headers: Vec<(String, String)>,
    body: SecretString,
}

impl UserDataPart {
    fn new(raw: &str) -> Self {
        let (head, body) = head_and_body(raw);
        Self {
            headers: headers(head),
            body: SecretString::from(body.to_owned()),
        }
    }

    /// A header by its name, without its parameters cut off; capitals do not matter.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The type without its parameters, such as `text/x-shellscript`; `text/plain` when no header tells it.
    #[must_use]
    pub fn content_type(&self) -> &str {
        let value = self.header("content-type").unwrap_or("text/plain");
        value.split(';').next().unwrap_or_default().trim()
    }

    /// The text of the part without its transfer encoding. A secret.
    ///
    /// # Errors
    /// [`Invalid`] when it is encoded in another way than base64, or is no UTF-8 text.
    pub fn text(&self) -> Result<String, Invalid> {
        let body = self.body.expose_secret();
        let encoding = self.header("content-transfer-encoding").map(str::to_ascii_lowercase);
        match encoding.as_deref().map(str::trim) {
            None | Some("" | "7bit" | "8bit" | "binary") => Ok(body.to_owned()),
            Some("base64") => {
                let packed: String = body.split_ascii_whitespace().collect();
                let bytes = STANDARD.decode(packed).ok();
                let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
                text.ok_or_else(|| Invalid::new("is not UTF-8 text in base64: encode it anew"))
            }
            Some(_) => Err(Invalid::new(
                "has a transfer encoding other than 7bit, 8bit or base64: use one of these",
            )),
        }
    }
}

impl fmt::Debug for UserDataPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserDataPart({}, [redacted])", self.content_type())
    }
}

/// Whether a text begins with a header, `Name: value`.
pub(super) fn has_header(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    first.split_once(':').is_some_and(|(name, _)| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !name.is_empty() && name.bytes().all(plain)
    })
}

/// What a text that begins with a header needs for cloud-init to see a MIME text in it.
pub(super) fn check(text: &str) -> Result<(), Invalid> {
    let whole = UserDataPart::new(text);
    if whole.header("mime-version").is_none() {
        return Err(Invalid::new(
            "the headers at the start lack `MIME-Version: 1.0`, without which cloud-init ignores the text: add it",
        ));
    }
    if whole.header("content-type").is_none() {
        return Err(Invalid::new(
            "the headers at the start lack `Content-Type`, which says what follows: add it",
        ));
    }
    if is_multi_part(&whole) {
        boundary(&whole)?;
    }
    Ok(())
}

/// The parts of a text; one that is no multi-part text is a part itself.
pub(super) fn parts(text: &str) -> Result<Vec<UserDataPart>, Invalid> {
    Ok(split(text)?.iter().map(|raw| UserDataPart::new(raw)).collect())
}

/// The parts of a text as they stand between the boundaries, each with its own headers.
pub(super) fn split(text: &str) -> Result<Vec<String>, Invalid> {
    let text = text.replace("\r\n", "\n");
    let whole = UserDataPart::new(&text);
    if !is_multi_part(&whole) {
        return Ok(vec![text]);
    }
    let boundary = boundary(&whole)?;
    let (opening, closing) = (format!("--{boundary}"), format!("--{boundary}--"));
    let mut parts: Vec<Vec<&str>> = Vec::new();
    for line in text.lines() {
        if line.trim_end() == closing {
            break;
        } else if line.trim_end() == opening {
            parts.push(Vec::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(line);
        }
    }
    Ok(parts.into_iter().map(|lines| lines.join("\n")).collect())
}

/// A part with its headers, from a text in base64.
pub(super) fn render_part(content_type: &str, encoded: &str) -> String {
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(76)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "Content-Type: {content_type}; charset=\"utf-8\"\nMIME-Version: 1.0\nContent-Transfer-Encoding: base64\n\n{}",
        lines.join("\n")
    )
}

/// One text from parts with their headers.
pub(super) fn join(parts: &[String]) -> String {
    let boundary = unused_boundary(parts);
    let mut text = format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\nMIME-Version: 1.0\n\n");
    for part in parts {
        text.push_str(&format!("--{boundary}\n{part}\n"));
    }
    text.push_str(&format!("--{boundary}--\n"));
    text
}

fn is_multi_part(part: &UserDataPart) -> bool {
    part.content_type().to_ascii_lowercase().starts_with("multipart/")
}

fn boundary(part: &UserDataPart) -> Result<&str, Invalid> {
    let parameters = part.header("content-type").unwrap_or_default().split(';').skip(1);
    let found = parameters
        .filter_map(|parameter| parameter.split_once('='))
        .find_map(|(name, value)| {
            let value = value.trim().trim_matches('"');
            (name.trim().eq_ignore_ascii_case("boundary") && !value.is_empty()).then_some(value)
        });
    found.ok_or_else(|| Invalid::new("the multi-part user data names no boundary in its Content-Type header"))
}

/// What stands before and behind the first empty line. Without headers all is body.
fn head_and_body(raw: &str) -> (&str, &str) {
    if !has_header(raw) {
        return ("", raw.strip_prefix('\n').unwrap_or(raw));
    }
    let ends = ["\n\n", "\r\n\r\n"];
    let end = ends.iter().filter_map(|end| Some((raw.find(end)?, end.len()))).min();
    match end {
        Some((at, len)) => (
            raw.get(..at).unwrap_or_default(),
            raw.get(at + len..).unwrap_or_default(),
        ),
        None => (raw, ""),
    }
}

/// The headers of a head. A line that begins with white space goes on with the one before.
fn headers(head: &str) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    for line in head.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = headers.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    headers
}

/// A boundary that occurs in no part; derived from the parts, so that the same input gives the same text.
fn unused_boundary(bodies: &[String]) -> String {
    let mut salt = bodies.join("\n");
    loop {
        let hash = IdempotencyKey::new("boundary")
            .map(|key| key.hash_with(&[&salt]))
            .unwrap_or_default();
        let boundary = format!("part-{hash}");
        if !bodies.iter().any(|body| body.contains(&boundary)) {
            return boundary;
        }
        salt.push('.');
    }
}

#[cfg(test)]
mod tests {
    use crate::{UserData, UserDataKind};

    #[test]
    fn parts_are_found_whatever_the_order_and_form_of_the_headers() {
        for text in [
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/cloud-config\n\n{}\n--b--\n",
            "Content-Type: Multipart/Mixed;\n\tcharset=utf-8; Boundary=\"b\"\nSubject: x\nmime-version: 1.0\n\npreamble\n--b\ncontent-type: text/cloud-config; charset=utf-8\n\n{}\n--b--\nepilogue\n",
            "X-Mine: 1\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/cloud-config\r\n\r\n{}\r\n--b--\r\n",
        ] {
            let data = UserData::new(text).unwrap();
            assert_eq!(data.kind(), UserDataKind::MultiPart, "{text}");
            let parts = data.parts().unwrap();
            assert_eq!(parts.len(), 1, "{text}");
            assert_eq!(parts[0].content_type(), "text/cloud-config");
            assert_eq!(parts[0].text().unwrap(), "{}");
        }
        let bare =
            UserData::new("MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\n#!/bin/sh\n--b--\n");
        let parts = bare.unwrap().parts().unwrap();
        assert_eq!(
            (parts[0].content_type(), parts[0].text().unwrap().as_str()),
            ("text/plain", "#!/bin/sh")
        );
    }

    #[test]
    fn a_mime_text_of_one_part_is_that_part_and_joins_others() {
        let single = UserData::new(
            "MIME-Version: 1.0\nContent-Type: text/x-shellscript\nContent-Transfer-Encoding: base64\n\nIyEvYmluL3No\n",
        )
        .unwrap();
        assert_eq!(single.parts().unwrap()[0].text().unwrap(), "#!/bin/sh");
        let config = UserData::new("#cloud-config\n{}").unwrap();
        let parts = UserData::combine(&[single, config]).unwrap().parts().unwrap();
        let texts: Vec<String> = parts.iter().map(|part| part.text().unwrap()).collect();
        assert_eq!(texts, ["#!/bin/sh", "#cloud-config\n{}"]);
    }

    #[test]
    fn a_part_is_not_shown() {
        let data = UserData::new("MIME-Version: 1.0\nContent-Type: text/x-shellscript\n\n#!/bin/sh\nhush").unwrap();
        let part = &data.parts().unwrap()[0];
        assert_eq!(format!("{part:?}"), "UserDataPart(text/x-shellscript, [redacted])");
    }
}
