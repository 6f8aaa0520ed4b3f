//! Which of cloud-init's formats a text has, and texts as they come out of files.
//!
//! Told as `type_from_starts_with` of cloud-init does it: white space before the mark and capitals in it do not matter, the
//! longest mark wins. See
//! [its table](https://github.com/canonical/cloud-init/blob/26.2/cloudinit/handlers/__init__.py).

use std::io::Read as _;

use super::{UserDataKind, mime};
use crate::Invalid;

/// The marks at the start of a text, the longer of two that begin alike first. `#!` is looked at apart.
const MARKS: [(&str, UserDataKind); 8] = [
    ("## template: jinja", UserDataKind::Template),
    ("#cloud-config-archive", UserDataKind::Archive),
    ("#cloud-config-jsonp", UserDataKind::JsonPatch),
    ("#cloud-config", UserDataKind::CloudConfig),
    ("#cloud-boothook", UserDataKind::BootHook),
    ("#part-handler", UserDataKind::PartHandler),
    (INCLUDE_ONCE, UserDataKind::Include),
    ("#include", UserDataKind::Include),
];
const INCLUDE_ONCE: &str = "#include-once";

/// How a gzip stream begins.
const GZIP: [u8; 2] = [0x1f, 0x8b];

pub(super) fn detect(text: &str) -> Result<UserDataKind, Invalid> {
    let start = text.trim_start();
    if start.is_empty() {
        return Ok(UserDataKind::Empty);
    }
    if text.starts_with('\u{feff}') {
        return Err(Invalid::new(
            "user data starts with a byte order mark: save it as UTF-8 without one",
        ));
    }
    if start.starts_with("#!") {
        return check_script(text).map(|()| UserDataKind::Script);
    }
    match marked(start) {
        Some(UserDataKind::Template) => check_template(start).map(|()| UserDataKind::Template),
        Some(kind) => Ok(kind),
        None if mime::has_header(text) => mime::check(text).map(|()| UserDataKind::MultiPart),
        None => Err(Invalid::new(
            "user data must start with `#!` (a script), `#cloud-config`, another mark of cloud-init such as `#include`, or the headers of a MIME text; base64 is not wanted here, the provider encodes it",
        )),
    }
}

/// The mark that the text begins with, as a word of its own.
fn marked(start: &str) -> Option<UserDataKind> {
    let (_, kind) = MARKS.iter().find(|(mark, kind)| {
        let begins = start
            .get(..mark.len())
            .is_some_and(|begin| begin.eq_ignore_ascii_case(mark));
        let rest = start.get(mark.len()..).unwrap_or_default();
        // An address may follow at once.
        begins && (*kind == UserDataKind::Include || rest.is_empty() || rest.starts_with(char::is_whitespace))
    })?;
    Some(*kind)
}

fn check_script(text: &str) -> Result<(), Invalid> {
    if !text.starts_with("#!") {
        return Err(Invalid::new(
            "there is white space before the script's `#!`, so that the kernel would not run it: remove it",
        ));
    }
    if text
        .lines()
        .next()
        .is_some_and(|first| text.starts_with(&format!("{first}\r\n")))
    {
        return Err(Invalid::new(
            "the script has Windows line endings: convert it to Unix ones, for example with `dos2unix`",
        ));
    }
    Ok(())
}

/// Below the mark of a template must stand what cloud-init runs once it is filled in.
fn check_template(start: &str) -> Result<(), Invalid> {
    let below = start.split_once('\n').map_or("", |(_, below)| below).trim_start();
    // A statement or comment of the template itself leaves nothing behind.
    let fits = below.starts_with("#!")
        || below.starts_with("{%")
        || below.starts_with("{#")
        || matches!(marked(below), Some(UserDataKind::CloudConfig | UserDataKind::BootHook));
    if fits {
        Ok(())
    } else {
        Err(Invalid::new(
            "below `## template: jinja` must follow `#!` (a script) or `#cloud-config`: cloud-init ignores other templates",
        ))
    }
}

/// The type of a part with this text, as cloud-init names it.
pub(super) fn content_type(kind: UserDataKind, text: &str) -> &'static str {
    match kind {
        UserDataKind::CloudConfig => "text/cloud-config",
        UserDataKind::Template => "text/jinja2",
        UserDataKind::Include if text.trim_start().to_ascii_lowercase().starts_with(INCLUDE_ONCE) => {
            "text/x-include-once-url"
        }
        UserDataKind::Include => "text/x-include-url",
        UserDataKind::BootHook => "text/cloud-boothook",
        UserDataKind::PartHandler => "text/part-handler",
        UserDataKind::Archive => "text/cloud-config-archive",
        UserDataKind::JsonPatch => "text/cloud-config-jsonp",
        UserDataKind::Script | UserDataKind::MultiPart | UserDataKind::Empty => "text/x-shellscript",
    }
}

pub(super) fn decode(bytes: &[u8], max_bytes: usize) -> Result<String, Invalid> {
    let too_long = || {
        Invalid::new(format!(
            "it has more than {max_bytes} bytes: let the script download the rest"
        ))
    };
    let mut unpacked = Vec::new();
    let bytes = if bytes.starts_with(&GZIP) {
        let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
        flate2::read::MultiGzDecoder::new(bytes)
            .take(limit)
            .read_to_end(&mut unpacked)
            .map_err(|_| Invalid::new("it is damaged gzip: pack it anew, or give it unpacked"))?;
        &unpacked
    } else {
        bytes
    };
    if bytes.len() > max_bytes {
        return Err(too_long());
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(Invalid::new(format!(
                "it is not UTF-8 text (line {line}): save it as UTF-8"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::UserData;

    fn kind(text: &str) -> Result<UserDataKind, String> {
        detect(text).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn every_format_of_cloud_init_is_known_by_its_mark() {
        for (text, expected) in [
            ("#!/bin/sh\n", UserDataKind::Script),
            ("#cloud-config\n{}", UserDataKind::CloudConfig),
            ("\n\n#Cloud-Config # mine\n{}", UserDataKind::CloudConfig),
            ("#cloud-config", UserDataKind::CloudConfig),
            ("#cloud-config-archive\n- x", UserDataKind::Archive),
            ("#cloud-config-jsonp\n[]", UserDataKind::JsonPatch),
            ("#cloud-boothook\n#!/bin/sh\n", UserDataKind::BootHook),
            ("#part-handler\n", UserDataKind::PartHandler),
            ("#include\nhttps://x.example/a\n", UserDataKind::Include),
            ("#include https://x.example/a\n", UserDataKind::Include),
            ("#include-once\nhttps://x.example/a\n", UserDataKind::Include),
            ("## template: jinja\n#cloud-config\n{}", UserDataKind::Template),
            (
                "## template: jinja\n#!/bin/sh\necho {{ v1.region }}\n",
                UserDataKind::Template,
            ),
            (
                "## template: jinja\n{% set a = 1 %}\n#cloud-config\n",
                UserDataKind::Template,
            ),
            ("", UserDataKind::Empty),
            (" \n\t\n", UserDataKind::Empty),
            (
                "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b--\n",
                UserDataKind::MultiPart,
            ),
            (
                "Content-Type: multipart/mixed;\n boundary=\"b\"\nmime-version: 1.0\n\n--b--\n",
                UserDataKind::MultiPart,
            ),
            (
                "X-Mine: 1\r\nContent-Type: text/x-shellscript\r\nMIME-Version: 1.0\r\n\r\n#!/bin/sh\r\n",
                UserDataKind::MultiPart,
            ),
        ] {
            assert_eq!(kind(text), Ok(expected), "{text:?}");
        }
    }

    #[test]
    fn what_cloud_init_would_ignore_or_fail_on_is_refused() {
        for (text, expected) in [
            ("hush", "must start with"),
            ("#cloud-configs\n", "must start with"),
            ("# cloud-config\n", "must start with"),
            ("\n#!/bin/sh\n", "white space before"),
            ("#!/bin/sh\r\nhush\r\n", "Windows line endings"),
            ("\u{feff}#!/bin/sh\n", "byte order mark"),
            ("## template: jinja\nhush: 1\n", "must follow `#!`"),
            ("## template: jinja", "must follow `#!`"),
            (
                "Content-Type: multipart/mixed; boundary=b\n\n--b--\n",
                "`MIME-Version: 1.0`",
            ),
            ("MIME-Version: 1.0\nSubject: hush\n\nhush\n", "`Content-Type`"),
            (
                "MIME-Version: 1.0\nContent-Type: multipart/mixed\n\nhush\n",
                "no boundary",
            ),
        ] {
            let error = kind(text).unwrap_err();
            assert!(error.contains(expected) && !error.contains("hush"), "{text:?}: {error}");
        }
    }

    #[test]
    fn a_file_is_unpacked_within_its_limit_and_must_be_text() {
        let pack = |text: &str| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(text.as_bytes()).unwrap();
            encoder.finish().unwrap()
        };
        let script = "#!/bin/sh\necho packed\n";
        assert_eq!(UserData::decode(script.as_bytes(), 100).unwrap(), script);
        assert_eq!(UserData::decode(&pack(script), 100).unwrap(), script);
        let refused = |bytes: &[u8], max_bytes: usize| UserData::decode(bytes, max_bytes).unwrap_err().to_string();
        // A megabyte of zeros in a kilobyte.
        assert!(refused(&pack(&"\0".repeat(1 << 20)), 1_000).contains("more than 1000 bytes"));
        assert!(refused(script.as_bytes(), 10).contains("more than 10 bytes"));
        assert!(UserData::decode(script.as_bytes(), script.len()).is_ok());
        let mut damaged = pack(script);
        damaged.truncate(15);
        assert!(refused(&damaged, 100).contains("damaged gzip"));
        assert!(refused(b"#!/bin/sh\n# \xe9t\xe9\n", 100).contains("(line 2)"));
    }

    #[test]
    fn parts_of_every_format_are_labelled_as_cloud_init_names_them() {
        let part = |text: &str| UserData::new(text).unwrap();
        let all = UserData::combine(&[
            part("#!/bin/sh\n"),
            part("#cloud-config\n{}"),
            part("## template: jinja\n#!/bin/sh\n"),
            part("#include\nhttps://x.example/\n"),
            part("#include-once https://x.example/\n"),
            part("#cloud-boothook\n"),
            part("#part-handler\n"),
            part("#cloud-config-archive\n[]"),
            part("#cloud-config-jsonp\n[]"),
        ])
        .unwrap();
        let parts = all.parts().unwrap();
        let types: Vec<&str> = parts.iter().map(|part| part.content_type()).collect();
        assert_eq!(
            types,
            [
                "text/x-shellscript",
                "text/cloud-config",
                "text/jinja2",
                "text/x-include-url",
                "text/x-include-once-url",
                "text/cloud-boothook",
                "text/part-handler",
                "text/cloud-config-archive",
                "text/cloud-config-jsonp",
            ]
        );
        assert_eq!(parts[3].text().unwrap(), "#include\nhttps://x.example/\n");
    }
}
