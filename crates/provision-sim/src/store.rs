//! The simulated world, in memory and, if wanted, in a file that several processes share.
//!
//! With a file every request takes an exclusive lock on `<file>.lock`, reads the file if somebody changed it, is
//! handled, and writes the file anew (beside it, then renamed over it) if it changed something.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{clock::Clock, cloud::Slot, kit::ids::Ids};

/// Version of the file's form that this build writes and reads.
const VERSION: u32 = 1;

/// A cloud's place in the world.
pub(crate) struct Seat {
    pub(crate) slot: Box<dyn Slot>,
    pub(crate) ids: Ids,
    pub(crate) served: u64,
}

/// All clouds and what they share.
pub(crate) struct World {
    pub(crate) seats: Vec<Seat>,
    /// IPv4 addresses given out.
    pub(crate) addresses: u32,
    /// IPv6 networks given out.
    pub(crate) networks: u32,
    clock: Clock,
    seed: u64,
    /// Clouds in the file that this build does not know; kept as they are.
    strangers: BTreeMap<String, Box<RawValue>>,
    file: Option<StateFile>,
}

struct StateFile {
    path: PathBuf,
    /// What the file held when it was last read or written; `None`: must be read again.
    seen: Option<Vec<u8>>,
    /// What the world came to as text then; differs from `seen` for a file from another build.
    known: Vec<u8>,
}

/// Keeps other processes out until it is dropped.
pub(crate) struct Guard(Option<File>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(file) = self.0.take() {
            // Closing the file would release the lock too.
            drop(file.unlock());
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    clock_offset_ms: u64,
    addresses: u32,
    #[serde(default)]
    networks: u32,
    clouds: BTreeMap<String, Box<RawValue>>,
}

/// Read first, so that a file from a newer version is told from a damaged one.
#[derive(Deserialize)]
struct Head {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct StoredCloud<'a> {
    last_id: u64,
    #[serde(borrow)]
    state: &'a RawValue,
}

impl World {
    pub(crate) fn new(slots: Vec<Box<dyn Slot>>, clock: Clock, seed: u64, path: Option<PathBuf>) -> Self {
        let seat = |slot| Seat {
            slot,
            ids: Ids::new(seed, 0),
            served: 0,
        };
        let seats = slots.into_iter().map(seat).collect();
        let file = path.map(|path| StateFile {
            path,
            seen: None,
            known: Vec::new(),
        });
        Self {
            seats,
            addresses: 0,
            networks: 0,
            clock,
            seed,
            strangers: BTreeMap::new(),
            file,
        }
    }

    /// Locks the file and takes over what others wrote to it. Does nothing for a world without a file.
    ///
    /// # Errors
    /// When the file cannot be locked or read, is damaged, or comes from a newer version; the message names the file
    /// and says what to do.
    pub(crate) fn open(&mut self) -> io::Result<Guard> {
        let guard = self.lock()?;
        let Some(file) = &mut self.file else { return Ok(guard) };
        let found = match fs::read(&file.path) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(explain(&file.path, "cannot read", &error)),
        };
        if file.seen.as_ref() == Some(&found) {
            return Ok(guard);
        }
        file.seen = None;
        let path = file.path.clone();
        self.take(&found)
            .map_err(|problem| io::Error::new(ErrorKind::InvalidData, format!("{}: {problem}", path.display())))?;
        let known = self.text()?;
        if let Some(file) = &mut self.file {
            file.seen = Some(found);
            file.known = known;
        }
        Ok(guard)
    }

    /// Writes the file if the world changed since it was opened.
    ///
    /// # Errors
    /// When the file cannot be written; the next request reads the old one again.
    pub(crate) fn commit(&mut self) -> io::Result<()> {
        if self.file.is_none() {
            return Ok(());
        }
        let text = self.text()?;
        let Some(file) = &mut self.file else { return Ok(()) };
        if file.known == text {
            return Ok(());
        }
        file.seen = None;
        write_anew(&file.path, &text).map_err(|error| explain(&file.path, "cannot write", &error))?;
        file.known.clone_from(&text);
        file.seen = Some(text);
        self.clock.mark_stored();
        Ok(())
    }

    /// Empties every cloud and writes the file, whatever it holds. Ids and addresses start again; the clock stays.
    ///
    /// # Errors
    /// When the file cannot be locked or written.
    pub(crate) fn reset(&mut self) -> io::Result<()> {
        let _guard = self.lock()?;
        self.empty().map_err(io::Error::other)?;
        self.strangers.clear();
        if let Some(file) = &mut self.file {
            file.known.clear();
        }
        self.commit()
    }

    fn lock(&self) -> io::Result<Guard> {
        let Some(file) = &self.file else { return Ok(Guard(None)) };
        let mut name = file.path.clone().into_os_string();
        name.push(".lock");
        let path = PathBuf::from(name);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(|error| explain(folder, "cannot create the folder", &error))?;
        }
        let lock = private(OpenOptions::new().create(true).truncate(false).write(true))
            .open(&path)
            .map_err(|error| explain(&path, "cannot open the lock", &error))?;
        lock.lock().map_err(|error| explain(&path, "cannot lock", &error))?;
        Ok(Guard(Some(lock)))
    }

    fn empty(&mut self) -> serde_json::Result<()> {
        self.addresses = 0;
        self.networks = 0;
        for seat in &mut self.seats {
            seat.slot.load(None)?;
            seat.ids = Ids::new(self.seed, 0);
            seat.served = 0;
        }
        Ok(())
    }

    /// Replaces the world by what a file holds.
    fn take(&mut self, found: &[u8]) -> Result<(), String> {
        let advice = "delete it to start with empty clouds, or put back a copy";
        let damaged = |error: serde_json::Error| format!("the state file is damaged ({error}); {advice}");
        if found.is_empty() {
            self.strangers.clear();
            return self.empty().map_err(damaged);
        }
        let head: Head = serde_json::from_slice(found).map_err(damaged)?;
        if head.version != VERSION {
            return Err(format!(
                "the state file has version {}, this build reads version {VERSION}; use the build that wrote it, or \
                 delete it to start with empty clouds",
                head.version
            ));
        }
        let mut stored: Stored = serde_json::from_slice(found).map_err(damaged)?;
        for seat in &mut self.seats {
            let id = seat.slot.info().id;
            let damaged =
                |error: serde_json::Error| format!("the state file is damaged (cloud {id}: {error}); {advice}");
            match stored.clouds.remove(id) {
                Some(raw) => {
                    let cloud: StoredCloud<'_> = serde_json::from_str(raw.get()).map_err(damaged)?;
                    seat.slot.load(Some(cloud.state)).map_err(damaged)?;
                    seat.ids = Ids::new(self.seed, cloud.last_id);
                }
                None => {
                    seat.slot.load(None).map_err(damaged)?;
                    seat.ids = Ids::new(self.seed, 0);
                }
            }
        }
        self.addresses = stored.addresses;
        self.networks = stored.networks;
        self.strangers = stored.clouds;
        self.clock.take_stored(stored.clock_offset_ms);
        Ok(())
    }

    fn text(&self) -> io::Result<Vec<u8>> {
        let mut clouds = self.strangers.clone();
        for seat in &self.seats {
            let state = seat.slot.save()?;
            let cloud = StoredCloud {
                last_id: seat.ids.last,
                state: &state,
            };
            clouds.insert(seat.slot.info().id.to_owned(), serde_json::value::to_raw_value(&cloud)?);
        }
        let stored = Stored {
            version: VERSION,
            clock_offset_ms: self.clock.offset_ms(),
            addresses: self.addresses,
            networks: self.networks,
            clouds,
        };
        Ok(serde_json::to_vec(&stored)?)
    }
}

fn explain(path: &Path, what: &str, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{what} {}: {error}", path.display()))
}

/// Writes a file that only its owner can read, in one step for everyone who looks.
fn write_anew(path: &Path, text: &[u8]) -> io::Result<()> {
    let mut name = path.to_path_buf().into_os_string();
    name.push(".new");
    let beside = PathBuf::from(name);
    // A left-over of a killed process could have other permissions; nobody else writes while the lock is held.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private(OpenOptions::new().create_new(true).write(true)).open(&beside)?;
    file.write_all(text)?;
    drop(file);
    fs::rename(&beside, path)
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(0o600)
}

#[cfg(not(unix))]
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}
