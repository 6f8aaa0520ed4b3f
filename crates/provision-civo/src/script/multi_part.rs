//! The parts of a multi-part text, as cloud-init takes it apart (`cloudinit/user_data.py`, `cloudinit/handlers`).

use provision_core::{Error, Result, UserData, UserDataKind, UserDataPart};

/// One part, decoded.
pub(super) struct Part {
    /// The name under which cloud-init stores it; scripts run in the order of these names.
    pub(super) name: String,
    pub(super) data: UserData,
}

/// Takes a multi-part text apart.
///
/// # Errors
/// `InvalidRequest` for a part that is neither a script nor a cloud-config, or is encoded in a way that is not read here.
pub(super) fn split(user_data: &UserData) -> Result<Vec<Part>> {
    let parts = user_data.parts()?;
    parts.iter().zip(1..).map(|(part, number)| read(part, number)).collect()
}

fn read(part: &UserDataPart, number: usize) -> Result<Part> {
    let refuse = |why: &str| {
        Err(Error::invalid(format!(
            "part {number} of the multi-part user data {why}"
        )))
    };
    let text = match part.text() {
        Ok(text) => text,
        Err(invalid) => return refuse(&invalid.to_string()),
    };
    let header = |name: &str| part.header(name);
    let wanted = match part.content_type().to_ascii_lowercase().as_str() {
        "text/x-shellscript" => Some(UserDataKind::Script),
        "text/cloud-config" => Some(UserDataKind::CloudConfig),
        "text/plain" | "text/x-not-multipart" => None,
        _ => return refuse("is neither a script nor a cloud-config, which alone can be turned into a script for Civo"),
    };
    if header("launch-index").is_some() || header("merge-type").is_some() || header("x-merge-type").is_some() {
        return refuse("has a launch index or merge type, which cannot be kept on Civo: leave it out");
    }
    let text = match wanted {
        // In a part of this type the first line may be left out.
        Some(UserDataKind::CloudConfig) if !text.starts_with('#') => format!("#cloud-config\n{text}"),
        _ => text,
    };
    let data = UserData::new(text)?;
    let kind = data.kind();
    if !matches!(kind, UserDataKind::Script | UserDataKind::CloudConfig) || wanted.is_some_and(|wanted| wanted != kind)
    {
        return refuse("does not start with `#!` or `#cloud-config` as its content type says");
    }
    let Some(name) = file_name(header("content-disposition"), number) else {
        return refuse("has a file name with characters other than letters, digits and `._-`: rename it");
    };
    Ok(Part { name, data })
}

/// The name in the part's header, or the one that cloud-init makes up.
fn file_name(disposition: Option<&str>, number: usize) -> Option<String> {
    let given = disposition.and_then(|value| {
        value
            .split(';')
            .find_map(|field| field.trim().strip_prefix("filename="))
    });
    let Some(given) = given else {
        return Some(format!("part-{number:03}"));
    };
    let name = given.trim_matches('"');
    let plain = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    (plain && !name.is_empty() && !name.starts_with('.')).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn multi_part(parts: &[&str]) -> UserData {
        let mut text = "Content-Type: multipart/mixed; boundary=\"==B==\"\nMIME-Version: 1.0\n\n".to_owned();
        for part in parts {
            text.push_str(&format!("--==B==\n{part}\n"));
        }
        UserData::new(format!("{text}--==B==--\n")).unwrap()
    }

    fn only(part: &str) -> Result<Part> {
        split(&multi_part(&[part])).map(|mut parts| parts.remove(0))
    }

    #[test]
    fn parts_are_decoded_and_named_as_cloud_init_names_them() {
        let script = UserData::new("#!/bin/sh\necho 1\n").unwrap();
        let config = UserData::new("#cloud-config\nruncmd: [ls]\n").unwrap();
        let parts = split(&UserData::combine(&[script.clone(), config.clone()]).unwrap()).unwrap();
        let seen: Vec<_> = parts
            .iter()
            .map(|part| (part.name.as_str(), part.data.expose()))
            .collect();
        assert_eq!(seen, [("part-001", script.expose()), ("part-002", config.expose())]);

        let plain = only("Content-Type: text/x-shellscript;\n charset=\"us-ascii\"\nContent-Disposition: attachment; filename=\"10-setup.sh\"\n\n#!/bin/sh\necho 2\n").unwrap();
        assert_eq!(
            (plain.name.as_str(), plain.data.expose()),
            ("10-setup.sh", "#!/bin/sh\necho 2\n")
        );
        let untyped = only("Content-Type: text/plain\n\n#cloud-config\n{}").unwrap();
        assert_eq!(untyped.data.kind(), UserDataKind::CloudConfig);
        let bare = only("Content-Type: text/cloud-config\n\nruncmd: [ls]").unwrap();
        assert_eq!(bare.data.expose(), "#cloud-config\nruncmd: [ls]");
    }

    #[test]
    fn other_parts_are_refused() {
        for part in [
            "Content-Type: text/x-include-url\n\nhttps://x.example/",
            "Content-Type: text/jinja2\n\n## template: jinja\n#cloud-config\n{}",
            "Content-Type: text/x-shellscript\nContent-Transfer-Encoding: quoted-printable\n\n#!/bin/sh",
            "Content-Type: text/x-shellscript\nContent-Transfer-Encoding: base64\n\n!!!",
            "Content-Type: text/x-shellscript\n\necho hush",
            "Content-Type: text/x-shellscript\n\n#cloud-config\n{}",
            "Content-Type: text/x-shellscript\nContent-Disposition: attachment; filename=\"a b\"\n\n#!/bin/sh",
            "Content-Type: text/x-shellscript\nLaunch-Index: 1\n\n#!/bin/sh",
            "Content-Type: multipart/mixed; boundary=x\n\n--x--",
        ] {
            let error = only(part).err().unwrap();
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }
}
