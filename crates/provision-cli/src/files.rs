//! Files of the user, read within limits.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::failure::{Failure, Outcome};

/// The bytes of a file, `-` being stdin. Nothing is read beyond the limit, so that a device or a pipe without an end does not
/// fill the memory.
pub(crate) fn read(path: &Path, max_bytes: usize) -> Outcome<Vec<u8>> {
    let failed = |error: io::Error| Failure::other(format!("cannot read {}", path.display()), &error);
    let reader: Box<dyn Read> = if path == Path::new("-") {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(failed)?)
    };
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    reader.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > max_bytes {
        return Err(Failure::usage(format!(
            "{} has more than {max_bytes} bytes, which is the most that can be used of it: let the script download the rest",
            path.display()
        )));
    }
    Ok(bytes)
}

/// A secret from a file, without the line end behind it.
pub(crate) fn read_secret(path: &Path) -> Outcome<String> {
    const MAX_SECRET: usize = 1 << 20;
    let text = String::from_utf8(read(path, MAX_SECRET)?)
        .map_err(|_| Failure::usage(format!("{} is not UTF-8 text", path.display())))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// `~/` at the start becomes the user's home folder.
pub(crate) fn expand_home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), etcetera::home_dir()) {
        (Some(rest), Ok(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// A path for people: the user's home folder is `~`.
pub(crate) fn shown(path: &Path) -> String {
    let below = etcetera::home_dir()
        .ok()
        .and_then(|home| Some(path.strip_prefix(home).ok()?.to_owned()));
    match below {
        Some(below) => format!("~/{}", below.display()),
        None => path.display().to_string(),
    }
}

/// What other users of the machine may do with a file, if anything: `read`, `change` or `read and change`.
#[cfg(unix)]
pub(crate) fn open_to_others(path: &Path) -> Option<&'static str> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).ok()?.permissions().mode();
    match (mode & 0o044 != 0, mode & 0o022 != 0) {
        (true, true) => Some("read and change"),
        (true, false) => Some("read"),
        (false, true) => Some("change"),
        (false, false) => None,
    }
}

#[cfg(not(unix))]
pub(crate) fn open_to_others(_path: &Path) -> Option<&'static str> {
    None
}

/// Writes a file that nobody else may read, in one step: a reader sees the old text or the new one.
pub(crate) fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:08x}.tmp", fastrand::u32(..)));
    let draft = folder.join(name);
    let written = create_private(&draft).and_then(|mut file| {
        io::Write::write_all(&mut file, text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&draft, path)
    });
    if written.is_err() {
        // The draft is of no use to anybody.
        let _ = std::fs::remove_file(&draft);
    }
    written
}

/// Makes a folder that nobody else may look into, unless it is there.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
