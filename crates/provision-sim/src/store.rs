//! The simulated world, in memory and, if wanted, in a file that several processes share.
//!
//! With a file every request takes an exclusive lock on `<file>.lock`, reads the file if somebody changed it, is
//! handled, and writes the file anew (beside it, to the disk, then renamed over it) if it changed something.

use std::{
    collections::BTreeMap,
    fs::{self, File, Metadata, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    clock::Clock,
    cloud::Slot,
    kit::{ids::Ids, limit::Meter},
};

/// Version of the file's form that this build writes and reads.
const VERSION: u32 = 1;
/// Largest file that is read, bytes: some hundred times what ten thousand hosts take.
const LARGEST: u64 = 1 << 30;

/// A cloud's place in the world.
pub(crate) struct Seat {
    pub(crate) slot: Box<dyn Slot>,
    pub(crate) ids: Ids,
    pub(crate) served: u64,
    pub(crate) meter: Meter,
    /// The cloud as the file holds it; only kept with a file.
    stored: Option<Box<RawValue>>,
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
    /// What lay there when it was last read or written; `None`: must be read again.
    seen: Option<Seen>,
    /// What the clouds share, as the file holds it.
    shared: Shared,
}

/// What tells one state of the file from another: each write makes a new file.
#[derive(PartialEq)]
enum Seen {
    Nothing,
    File {
        length: u64,
        changed: Option<SystemTime>,
        number: u64,
    },
}

#[derive(Clone, Copy, Default, PartialEq)]
struct Shared {
    clock_offset_ms: u64,
    addresses: u32,
    networks: u32,
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
struct Stored<Clouds> {
    version: u32,
    clock_offset_ms: u64,
    addresses: u32,
    #[serde(default)]
    networks: u32,
    clouds: Clouds,
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
            meter: Meter::default(),
            stored: None,
        };
        let seats = slots.into_iter().map(seat).collect();
        let file = path.map(|path| StateFile {
            path,
            seen: None,
            shared: Shared::default(),
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
        let path = file.path.clone();
        let now = look(&path)?;
        if file.seen.as_ref() == Some(&now) {
            return Ok(guard);
        }
        file.seen = None;
        let found = match &now {
            Seen::Nothing => None,
            Seen::File { .. } => Some(fs::read(&path).map_err(|error| explain(&path, "cannot read", &error))?),
        };
        self.take(found.as_deref())
            .map_err(|problem| io::Error::new(ErrorKind::InvalidData, format!("{}: {problem}", path.display())))?;
        for seat in &mut self.seats {
            seat.stored = Some(seat.text()?);
        }
        let shared = self.shared();
        if let Some(file) = &mut self.file {
            file.seen = Some(now);
            file.shared = shared;
        }
        Ok(guard)
    }

    /// Writes the file if the world changed since it was opened: that seat, or any where none is named.
    ///
    /// # Errors
    /// When the file cannot be written; the next request reads the old one again.
    pub(crate) fn commit(&mut self, seat: Option<usize>) -> io::Result<()> {
        let shared = self.shared();
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut changed = file.seen.is_none() || file.shared != shared;
        for (index, seat_of_cloud) in self.seats.iter_mut().enumerate() {
            if seat_of_cloud.stored.is_some() && seat.is_some_and(|seat| seat != index) {
                continue;
            }
            let text = seat_of_cloud.text()?;
            if seat_of_cloud
                .stored
                .as_ref()
                .is_none_or(|stored| stored.get() != text.get())
            {
                seat_of_cloud.stored = Some(text);
                changed = true;
            }
        }
        if !changed {
            return Ok(());
        }
        file.seen = None;
        let mut clouds: BTreeMap<&str, &RawValue> = BTreeMap::new();
        clouds.extend(self.strangers.iter().map(|(id, raw)| (id.as_str(), raw.as_ref())));
        let seats = self.seats.iter();
        clouds.extend(seats.filter_map(|seat| Some((seat.slot.info().id, seat.stored.as_deref()?))));
        let text = serde_json::to_vec(&Stored {
            version: VERSION,
            clock_offset_ms: shared.clock_offset_ms,
            addresses: shared.addresses,
            networks: shared.networks,
            clouds,
        })?;
        write_anew(&file.path, &text).map_err(|error| explain(&file.path, "cannot write", &error))?;
        file.seen = Some(look(&file.path)?);
        file.shared = shared;
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
            file.seen = None;
        }
        self.commit(None)
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
            seat.meter = Meter::default();
        }
        Ok(())
    }

    /// Replaces the world by what a file holds.
    fn take(&mut self, found: Option<&[u8]>) -> Result<(), String> {
        let advice = "delete it to start with empty clouds, or put back a copy";
        let damaged = |error: serde_json::Error| format!("the state file is damaged ({error}); {advice}");
        let Some(found) = found else {
            self.strangers.clear();
            return self.empty().map_err(damaged);
        };
        if found.is_empty() {
            return Err(format!(
                "the state file is empty, which this simulator never writes; {advice}"
            ));
        }
        let head: Head = serde_json::from_slice(found).map_err(damaged)?;
        if head.version != VERSION {
            return Err(format!(
                "the state file has version {}, this build reads version {VERSION}; use the build that wrote it, or \
                 delete it to start with empty clouds",
                head.version
            ));
        }
        let mut stored: Stored<BTreeMap<String, Box<RawValue>>> = serde_json::from_slice(found).map_err(damaged)?;
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

    fn shared(&self) -> Shared {
        Shared {
            clock_offset_ms: self.clock.offset_ms(),
            addresses: self.addresses,
            networks: self.networks,
        }
    }
}

impl Seat {
    /// The cloud as a file holds it.
    fn text(&self) -> serde_json::Result<Box<RawValue>> {
        serde_json::value::to_raw_value(&StoredCloud {
            last_id: self.ids.last,
            state: &self.slot.save()?,
        })
    }
}

/// What lies there now.
fn look(path: &Path) -> io::Result<Seen> {
    match fs::metadata(path) {
        Ok(found) if found.len() > LARGEST => Err(io::Error::new(
            ErrorKind::InvalidData,
            format!(
                "{}: the state file is larger than 1 GiB; delete it to start with empty clouds",
                path.display()
            ),
        )),
        Ok(found) => Ok(Seen::File {
            length: found.len(),
            changed: found.modified().ok(),
            number: number(&found),
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Seen::Nothing),
        Err(error) => Err(explain(path, "cannot read", &error)),
    }
}

/// Says what could not be done, and what to do about it.
fn explain(path: &Path, what: &str, error: &io::Error) -> io::Error {
    let advice = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "; free some space, or keep the state in another place",
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => {
            "; the file and its folder must be writable, so keep the state in another place"
        }
        _ => "",
    };
    io::Error::new(error.kind(), format!("{what} {}: {error}{advice}", path.display()))
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
    // On the disk before it takes the place of the old one: a crash leaves one of the two.
    let written = file.write_all(text).and_then(|()| file.sync_all());
    drop(file);
    if let Err(error) = written.and_then(|()| fs::rename(&beside, path)) {
        // Half a file is of no use, and may be what fills the disk.
        drop(fs::remove_file(&beside));
        return Err(error);
    }
    sync_folder(path)
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
fn number(found: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(found)
}

#[cfg(not(unix))]
fn number(_found: &Metadata) -> u64 {
    0
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stops_a_write_is_told_with_what_to_do() {
        let said = |kind: ErrorKind| explain(Path::new("/x/sim.json"), "cannot write", &kind.into()).to_string();
        assert!(said(ErrorKind::StorageFull).contains("/x/sim.json: no storage space; free some space"));
        assert!(said(ErrorKind::ReadOnlyFilesystem).contains("must be writable"));
        assert!(said(ErrorKind::PermissionDenied).contains("must be writable"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_named() {
        // Every write to this device says that the disk is full.
        let error = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap()
            .write_all(b"x")
            .unwrap_err();
        assert!(
            explain(Path::new("x"), "cannot write", &error)
                .to_string()
                .contains("free some space")
        );
    }
}
