//! A backup of an instance elsewhere, from the stream that its server sends.
//!
//! What comes is judged as something that a stranger may have sent: in bounded memory,
//! and every name in it must be one that a backup may have. Not here: HTTP. Invariant: a
//! part is taken when its end proves it, and a backup when the end of the stream does.

use super::copy::Hashing;
use super::frames::{FrameReader, Item};
use super::make::{self, Made, Progress, Started, Wanted};
use super::manifest::{MANIFEST_FILE, MANIFEST_SUM_FILE, RUN_SUFFIX, RUNS_DIR, is_name};
use super::origin::{Give, Origin, There};
use super::place::{Known, Place, names};
use super::wire::{HAVE_MAX, Have, Head, Request, is_identity, strange};
use super::{BackupError, FILES_MAX};
use crate::clock::Clock;
use std::collections::{HashMap, HashSet};
use std::io::Read;

/// Makes a backup of an instance elsewhere: `ask` sends the request to its server and
/// gives the body of the answer. `watch` is told how far it is and says `false` to break
/// it off.
///
/// # Errors
/// What `ask` says, and [`BackupError`]; the backups of before are as they were.
pub fn make_remote<E: From<BackupError>>(
    clock: &dyn Clock,
    wanted: &Wanted,
    ask: impl FnOnce(&Request) -> Result<Box<dyn Read>, E>,
    watch: &mut dyn FnMut(Progress) -> bool,
) -> Result<Made, E> {
    let started_ms = clock.monotonic_ms();
    let (place, known, head, remote) = match Place::owner(&wanted.dest)? {
        Some(instance) => {
            let place = Place::claim(&wanted.dest, &instance)?;
            let known = place.known()?;
            make::check_room(&known, wanted)?;
            let request = Request {
                have: have(&place, &known)?,
            };
            let (head, remote) = open(ask(&request)?, &request)?;
            place.check_instance(&head.state.instance)?;
            (place, known, head, remote)
        }
        // Whose place it becomes is told by the server.
        None => {
            let request = Request::default();
            let (head, remote) = open(ask(&request)?, &request)?;
            let place = Place::claim(&wanted.dest, &head.state.instance)?;
            let known = place.known()?;
            make::check_room(&known, wanted)?;
            (place, known, head, remote)
        }
    };
    let started = Started {
        place,
        known,
        clock,
        started_ms,
    };
    let mut remote = remote;
    Ok(started.make(wanted, &head.state, &mut remote, watch)?)
}

/// What is there and need not be sent: what a backup vouches for, then what interrupted
/// ones had brought, with its sum; the newest first, as many as a request may have.
fn have(place: &Place, known: &Known) -> Result<Vec<Have>, BackupError> {
    let vouched = make::known_files(known);
    let mut runs = names(&place.path().join(RUNS_DIR))?;
    runs.sort_unstable_by(|a, b| b.cmp(a));
    let (mut have, mut strays) = (Vec::new(), Vec::new());
    for name in runs {
        let identity = name.strip_suffix(RUN_SUFFIX).filter(|it| is_identity(it));
        let path = format!("{RUNS_DIR}/{name}");
        let (Some(identity), Ok(file)) = (identity, place.open(&path)) else {
            continue;
        };
        let Ok(bytes) = file.metadata().map(|data| data.len()) else {
            continue;
        };
        let identity = identity.to_owned();
        match vouched.get(&path) {
            Some((known, _)) if *known == bytes => have.push(Have {
                identity,
                bytes,
                sha256: None,
            }),
            // It was cut short; it is sent again.
            Some(_) => {}
            None => strays.push((identity, bytes, file)),
        }
    }
    have.truncate(HAVE_MAX);
    strays.truncate(HAVE_MAX - have.len());
    for (identity, bytes, file) in strays {
        let path = place
            .path()
            .join(RUNS_DIR)
            .join(format!("{identity}{RUN_SUFFIX}"));
        let sum = Hashing::new(file).finish();
        have.push(Have {
            identity,
            bytes,
            sha256: Some(sum.map_err(BackupError::file("read", &path))?),
        });
    }
    Ok(have)
}

/// Reads and judges the head of an answer.
fn open(body: Box<dyn Read>, request: &Request) -> Result<(Head, Remote), BackupError> {
    let mut frames = FrameReader::new(body);
    let head = frames.head()?;
    check(&head)?;
    let offered = request.have.iter();
    let offered = offered.filter_map(|it| Some((it.identity.clone(), it.sha256.clone()?)));
    let offered: HashMap<String, String> = offered.collect();
    let remote = Remote {
        frames,
        left_out: head.left_out.iter().copied().collect(),
        sums: head
            .state
            .parts
            .iter()
            .map(|part| offered.get(part.identity.as_ref()?).cloned())
            .collect(),
        bytes: head.state.parts.iter().map(|part| part.bytes).collect(),
    };
    Ok((head, remote))
}

/// Refuses names and numbers that no backup has.
fn check(head: &Head) -> Result<(), BackupError> {
    let state = &head.state;
    if !is_name(&state.instance) || !is_name(&state.master_key_id) {
        return Err(strange("does not say whose it is"));
    }
    if state.parts.len() >= FILES_MAX {
        return Err(strange(format!("has more than {FILES_MAX} files")));
    }
    let own = [make::DIRECTORY_COPY, MANIFEST_FILE, MANIFEST_SUM_FILE];
    let mut seen: HashSet<String> = own.iter().map(|name| (*name).to_owned()).collect();
    for part in &state.parts {
        let (name, fits) = match &part.identity {
            Some(identity) => (
                format!("{RUNS_DIR}/{identity}"),
                is_identity(identity) && part.bytes.is_some(),
            ),
            None => {
                let name = make::own_name(&part.name);
                let fits = is_name(&name);
                (name, fits)
            }
        };
        if !fits || !seen.insert(name) {
            let name = part.name.escape_debug();
            return Err(strange(format!("has a part `{name}`, which no backup has")));
        }
    }
    let mut last = None;
    for at in &head.left_out {
        let is_run = state.parts.get(*at).is_some_and(|it| it.identity.is_some());
        if !is_run || last >= Some(at) {
            return Err(strange("leaves out what it cannot"));
        }
        last = Some(at);
    }
    Ok(())
}

/// The rest of an answer.
struct Remote {
    frames: FrameReader<Box<dyn Read>>,
    /// Parts that are not sent, because the request said that they are there.
    left_out: HashSet<usize>,
    /// For each part the sum that the request told, for the server to compare.
    sums: Vec<Option<String>>,
    /// The length of each part, where it was told.
    bytes: Vec<Option<u64>>,
}

impl Remote {
    fn sum(&self, part: usize) -> Option<&String> {
        self.sums.get(part).and_then(Option::as_ref)
    }
}

impl Origin for Remote {
    fn directory(&mut self, give: &mut Give<'_>) -> Result<bool, BackupError> {
        Ok(self.frames.item(give)? == Item::Whole)
    }

    fn present(&mut self, part: usize, there: There<'_>) -> Result<Option<String>, BackupError> {
        if self.left_out.contains(&part) {
            return Ok(there.sha256.map(str::to_owned));
        }
        if self.sum(part).is_some() && self.frames.is_same()? {
            return Ok(self.sum(part).cloned());
        }
        // It is sent, and takes the place of what is there.
        Ok(None)
    }

    fn part(&mut self, part: usize, give: &mut Give<'_>) -> Result<bool, BackupError> {
        if self.left_out.contains(&part) {
            return Err(strange("leaves out a file that is not there"));
        }
        let mut bytes = 0;
        let taken = self.frames.item(&mut |piece| {
            bytes += u64::try_from(piece.len()).unwrap_or(u64::MAX);
            give(piece)
        })?;
        let told = self.bytes.get(part).copied().flatten();
        if taken == Item::Whole && told.is_some_and(|told| told != bytes) {
            return Err(strange("has a part of another length than it says"));
        }
        Ok(taken == Item::Whole)
    }

    fn finish(&mut self) -> Result<(), BackupError> {
        self.frames.done()
    }
}

#[cfg(test)]
mod tests {
    //! Streams as a stranger may send them.

    use super::super::frames::FrameWriter;
    use super::super::list;
    use super::super::wire::{PartOf, State, WIRE_FORMAT};
    use super::*;
    use crate::clock::SystemClock;
    use bytes::Bytes;
    use std::path::Path;

    fn part(name: &str, identity: Option<&str>) -> PartOf {
        PartOf {
            name: name.to_owned(),
            identity: identity.map(str::to_owned),
            bytes: identity.map(|_| 3),
        }
    }

    fn head() -> Head {
        Head {
            format: WIRE_FORMAT,
            state: State {
                instance: "aa".to_owned(),
                master_key_id: "bb".to_owned(),
                store_format: 2,
                positions: vec![7],
                parts: vec![part("catalog", None), part("runs/1.run", Some("1-2"))],
            },
            left_out: Vec::new(),
        }
    }

    /// A stream with this head and an item of three bytes for the directory and for each
    /// part that is not left out.
    fn stream(head: &Head, is_whole: bool) -> Vec<u8> {
        let mut all = Vec::new();
        let mut give = |bytes: Bytes| {
            all.extend_from_slice(&bytes);
            true
        };
        let mut frames = FrameWriter::new(&mut give);
        let text = serde_json::to_vec(head).expect("written");
        assert!(frames.bytes(&text) && frames.end());
        for _ in 0..=head.state.parts.len() - head.left_out.len() {
            assert!(frames.bytes(b"abc") && frames.end());
        }
        assert!(!is_whole || frames.done());
        all
    }

    fn make_of(dest: &Path, stream: Vec<u8>) -> Result<Made, BackupError> {
        let wanted = Wanted {
            dest: dest.to_owned(),
            keep: None,
        };
        let ask = |_: &Request| Ok(Box::new(std::io::Cursor::new(stream)) as Box<dyn Read>);
        make_remote(&SystemClock::default(), &wanted, ask, &mut |_| true)
    }

    #[test]
    fn a_stream_without_its_end_is_no_backup() {
        let dir = tempfile::tempdir().expect("a directory");
        let dest = dir.path().join("backups");
        let error = make_of(&dest, stream(&head(), false)).expect_err("cut");
        assert!(matches!(error, BackupError::StreamCut { .. }), "{error}");
        assert!(list(&dest).expect("a place").is_empty());
        let made = make_of(&dest, stream(&head(), true)).expect("made");
        assert_eq!((made.files, made.positions), (3, vec![7]));
        assert_eq!(list(&dest).expect("a place").len(), 1);
    }

    #[test]
    fn no_name_in_a_stream_leads_anywhere_else() {
        let dir = tempfile::tempdir().expect("a directory");
        let dest = dir.path().join("backups");
        let refused = |head: &Head| {
            let error = make_of(&dest, stream(head, true)).expect_err("refused");
            assert!(
                matches!(error, BackupError::StrangeStream { .. }),
                "{error}"
            );
            assert!(!dest.exists(), "{error}");
        };
        for name in [
            "../x",
            "",
            ".",
            "..",
            "a b",
            "manifest.json",
            "manifest.sha256",
            "directory.sqlite",
            "catalog",
        ] {
            let mut head = head();
            head.state.parts.push(part(name, None));
            refused(&head);
        }
        for identity in ["../x", "", "a/b", "a.b", "1-2", &"a".repeat(200)] {
            let mut head = head();
            head.state.parts.push(part("runs/2.run", Some(identity)));
            refused(&head);
        }
        for instance in ["", "..", "a/b"] {
            let mut other = head();
            other.state.instance = instance.to_owned();
            refused(&other);
            let mut other = head();
            other.state.master_key_id = instance.to_owned();
            refused(&other);
        }
        for left_out in [vec![0], vec![2], vec![1, 1]] {
            let mut other = head();
            other.state.parts.push(part("x", None));
            other.left_out = left_out;
            refused(&other);
        }
        let mut many = head();
        let more = (0..FILES_MAX).map(|at| part(&format!("x{at}"), None));
        many.state.parts.extend(more);
        many.state.parts.truncate(FILES_MAX);
        refused(&many);
    }

    #[test]
    fn what_is_left_out_must_be_there_and_lengths_must_be_true() {
        let dir = tempfile::tempdir().expect("a directory");
        let dest = dir.path().join("backups");
        let mut missing = head();
        missing.left_out = vec![1];
        let error = make_of(&dest, stream(&missing, true)).expect_err("missing");
        assert!(error.to_string().contains("is not there"), "{error}");
        let mut longer = head();
        longer.state.parts[1].bytes = Some(4);
        let error = make_of(&dest, stream(&longer, true)).expect_err("longer");
        assert!(error.to_string().contains("another length"), "{error}");
        assert!(list(&dest).expect("a place").is_empty());
        // Once it is there, it may be left out.
        make_of(&dest, stream(&head(), true)).expect("made");
        let made = make_of(&dest, stream(&missing, true)).expect("made");
        assert_eq!((made.present_files, made.copied_files), (1, 2));
    }

    /// What the request says: what a backup vouches for, and strays with their sum.
    #[test]
    fn what_is_there_is_told() {
        let dir = tempfile::tempdir().expect("a directory");
        let dest = dir.path().join("backups");
        make_of(&dest, stream(&head(), true)).expect("made");
        std::fs::write(dest.join("runs/3-4.run"), "stray").expect("written");
        std::fs::write(dest.join("runs/notes"), "mine").expect("written");
        let place = Place::claim(&dest, "aa").expect("claimed");
        let told = have(&place, &place.known().expect("read")).expect("told");
        let vouched = told.iter().find(|it| it.identity == "1-2").expect("told");
        assert_eq!((vouched.bytes, &vouched.sha256), (3, &None));
        let stray = told.iter().find(|it| it.identity == "3-4").expect("told");
        let sum = super::super::manifest::sha256(b"stray");
        assert_eq!((stray.bytes, &stray.sha256), (5, &Some(sum)));
        assert_eq!(told.len(), 2);
        // One that was cut short is not there.
        std::fs::write(dest.join("runs/1-2.run"), "ab").expect("written");
        let told = have(&place, &place.known().expect("read")).expect("told");
        assert_eq!(told.len(), 1);
        for number in 0..HAVE_MAX {
            std::fs::write(dest.join(format!("runs/5-{number}.run")), "").expect("written");
        }
        let told = have(&place, &place.known().expect("read")).expect("told");
        assert_eq!(told.len(), HAVE_MAX);
    }
}
