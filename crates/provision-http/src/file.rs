//! Small files that settings name.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use provision_core::Settings;

/// More than any key or configuration file has.
const MOST_BYTES: u64 = 1024 * 1024;

/// Reads a file that a provider's settings name, or that is looked for in their place. Never for
/// [settings from strangers](Settings::from_strangers).
///
/// # Errors
/// As [`read_small_file`]; `PermissionDenied` for strangers, whether the file exists or not.
pub fn read_file_of(settings: &Settings, path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    if settings.are_from_strangers() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    read_small_file(path)
}

/// Reads a regular file of at most 1 MiB: no device without an end, no pipe that nobody writes to. The errors do not name it.
///
/// # Errors
/// When it is no regular file, is larger, or cannot be read.
pub fn read_small_file(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let path = path.as_ref();
    // Opening a pipe would wait for its writer.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MOST_BYTES) {
        Ok(bytes)
    } else {
        Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it has more than 1 MiB, which no key or configuration has",
        ))
    }
}

#[cfg(test)]
mod tests {
    use provision_core::{ProviderInfo, StrangerRules};

    use super::*;

    #[test]
    fn what_has_no_end_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "secret\n").unwrap();
        assert_eq!(read_small_file(&path).unwrap(), b"secret\n");
        let large = folder.path().join("large");
        File::create(&large).unwrap().set_len(MOST_BYTES + 1).unwrap();
        assert_eq!(read_small_file(&large).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(
            read_small_file(folder.path()).unwrap_err().kind(),
            io::ErrorKind::InvalidInput
        );
        assert_eq!(
            read_small_file(folder.path().join("absent")).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[cfg(unix)]
    #[test]
    fn devices_and_pipes_are_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        for path in [Path::new("/dev/zero"), &pipe] {
            let error = read_small_file(path).unwrap_err();
            assert_eq!(error.to_string(), "it is not a regular file");
        }
    }

    #[test]
    fn strangers_cannot_tell_which_files_exist() {
        static INFO: ProviderInfo = ProviderInfo::new("acme", "Acme");
        let theirs = Settings::from_strangers(&INFO, &StrangerRules::new(), [("", ""); 0]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let there = folder.path().join("there");
        std::fs::write(&there, "x").unwrap();
        let text = |path: &Path| read_file_of(&theirs, path).unwrap_err().to_string();
        assert_eq!(text(&there), text(&folder.path().join("absent")));
        assert_eq!(read_file_of(&Settings::new(), &there).unwrap(), b"x");
    }
}
