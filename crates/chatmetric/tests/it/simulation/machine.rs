//! The machine that the server runs on: its lives, and what is left between them.
//!
//! The directory (SQLite, which syncs every change) keeps its files through every crash.
//! The store's files are those of the simulated disk; its transactional part (fjall) does
//! not pass that disk, so a crash copies its files as they are at that moment, as the
//! power-cut tests of the store do.
//!
//! Not here: what is sent, and what is expected.

use super::disk::SimDisk;
use bytes::Bytes;
use chatmetric::clock::{Clock, ManualClock};
use chatmetric::config::Settings;
use chatmetric::directory::{ApplyOptions, BindOutcome, Directory, Document, Format, InlineOnly};
use chatmetric::entropy::{Entropy, SeededEntropy};
use chatmetric::master_key::MasterKey;
use chatmetric::server::{Components, InProcess};
use chatmetric_core::{EpochMs, PhoneNumber};
use chatmetric_sim::{CachedDisk, Crash, Post, Random, SourceKind};
use chatmetric_store::{EmbeddedStore, Health, Options, Step, Store, StoreError};
use http::{HeaderMap, HeaderValue, StatusCode};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The spaces and their webhooks, one for each source.
const DIRECTORY: &str = r#"
[[account]]
id = "1000000000000001"
name = "acme"
[[account.space]]
id = "space-0"
default = true
[[account.space]]
id = "space-1"
time_zone = "Asia/Kathmandu"
unknown_numbers = "hold"
[[account.space]]
id = "space-2"
time_zone = "America/New_York"
[[account.webhook]]
id = "source-0"
kind = "whatsapp"
space = "space-0"
app_secrets = ["secret-0", "secret-0-of-before"]
[[account.webhook]]
id = "source-1"
kind = "whatsapp"
space = "space-1"
app_secrets = ["secret-1"]
[[account.webhook]]
id = "source-2"
kind = "cams"
space = "space-2"
token = "secret-2-of-receipts"
[[account]]
id = "1000000000000002"
name = "other"
[[account.space]]
id = "space-of-others"
default = true
numbers = ["15550100106"]
"#;
/// What each source sends.
pub(super) const SOURCES: [SourceKind; 3] =
    [SourceKind::Whatsapp, SourceKind::Whatsapp, SourceKind::Cams];
/// A number of another account, which a source reports all the same.
pub(super) const FOREIGN_NUMBER: &str = "15550100106";
/// The source whose numbers are held until somebody binds them.
pub(super) const HOLDING: usize = 1;
/// Starts in a row that may fail; each fault fails at most one.
const STARTS_MAX: u32 = 12;

/// Stops the store at a step.
#[derive(Default)]
struct Trap {
    set: Mutex<Option<(Step, u32)>>,
}

impl Trap {
    fn set(&self, at: Option<(Step, u32)>) {
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// Whether the store stops here.
    fn is_sprung(&self, step: Step) -> bool {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *set {
            Some((wanted, nth)) if *wanted == step => {
                *nth -= 1;
                let sprung = *nth == 0;
                if sprung {
                    *set = None;
                }
                sprung
            }
            Some(_) | None => false,
        }
    }
}

/// One life.
struct Running {
    server: Arc<InProcess>,
    store: Arc<EmbeddedStore>,
    directory: Arc<Directory>,
}

pub(super) struct Machine {
    folder: tempfile::TempDir,
    pub(super) clock: Arc<ManualClock>,
    pub(super) disk: SimDisk,
    store_dir: PathBuf,
    runtime: tokio::runtime::Runtime,
    running: Option<Running>,
    trap: Arc<Trap>,
    random: Random,
    shards: u32,
    may_reshard: bool,
    pub(super) lives: u64,
}

impl Machine {
    /// A machine that was never started.
    pub(super) fn new(start_ms: i64, mut random: Random) -> Self {
        let memory = Path::new("/dev/shm");
        let folder = tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir());
        let folder = folder.expect("a directory");
        let store_dir = folder.path().join("store-0");
        std::fs::create_dir(&store_dir).expect("space");
        let disk = SimDisk::new(&store_dir, CachedDisk::default(), random.bits());
        let machine = Self {
            clock: Arc::new(ManualClock::at(EpochMs(start_ms))),
            disk,
            store_dir,
            runtime: tokio::runtime::Builder::new_current_thread()
                .build()
                .expect("a runtime"),
            running: None,
            trap: Arc::default(),
            shards: 1,
            may_reshard: random.chance(250),
            lives: 0,
            random,
            folder,
        };
        let document = Document::parse(DIRECTORY, Format::Toml, &InlineOnly).expect("a document");
        machine
            .directory()
            .apply(&document, ApplyOptions::default(), EpochMs(start_ms))
            .expect("it applies");
        machine
    }

    fn entropy(&self) -> Arc<dyn Entropy> {
        Arc::new(SeededEntropy::new(self.lives + 1))
    }

    fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn directory(&self) -> Arc<Directory> {
        let key = MasterKey::generate(&SeededEntropy::new(7));
        let opened = Directory::open(&self.data_dir(), key, self.entropy());
        Arc::new(opened.expect("the directory opens"))
    }

    /// The number of each source's space, and that of another account's.
    pub(super) fn spaces(&self) -> Vec<u32> {
        let directory = self.directory();
        let snapshot = directory.snapshot();
        let own = (0..SOURCES.len()).map(|at| format!("space-{at}"));
        own.chain(["space-of-others".to_owned()])
            .map(|id| snapshot.space(&id).expect("known").key.0)
            .collect()
    }

    /// Generations of a few messages, so that a short life seals and merges.
    fn options(&mut self) -> Options {
        if self.may_reshard {
            self.shards = self.random.between(1, 3) as u32;
        }
        let (trap, disk) = (Arc::clone(&self.trap), self.disk.clone());
        let crash = move |step| {
            let sprung = trap.is_sprung(step);
            if sprung {
                disk.go_down();
            }
            sprung
        };
        Options {
            shards: self.shards,
            generation_records_max: self.random.latency(4, 200) as usize,
            generation_day_bytes_max: 1024 * 1024,
            segment_bytes: 1024 << self.random.between(3, 6),
            merge_fan_in: self.random.between(2, 4) as usize,
            disk: Arc::new(self.disk.clone()),
            crash: Some(Arc::new(crash)),
            ..Options::default()
        }
    }

    /// Starts the server, again and again if faults meet the start. Tells how many ended
    /// it by a crash.
    pub(super) fn start(&mut self, crash: Crash) -> u64 {
        // Whoever starts it again has made some room.
        self.disk.set_full(false);
        let mut crashes = 0;
        for _ in 0..STARTS_MAX {
            let failed_before = self.disk.failed();
            let Err(error) = self.try_start() else {
                return crashes;
            };
            if self.disk.is_down() {
                self.crash(crash);
                crashes += 1;
                continue;
            }
            let excused = self.disk.failed() > failed_before;
            assert!(excused, "the server does not start: {error}");
            self.stop();
        }
        panic!("the server did not start");
    }

    fn try_start(&mut self) -> Result<(), String> {
        self.lives += 1;
        let options = self.options();
        let store = match EmbeddedStore::open(&self.store_dir, options) {
            Ok(store) => Arc::new(store),
            Err(error @ (StoreError::Poisoned { .. } | StoreError::Io { .. })) => {
                return Err(format!("{error:?}"));
            }
            Err(error) => panic!("the store does not open: {error}"),
        };
        let mut settings = Settings::default();
        settings.store.data_dir = self.data_dir();
        let directory = self.directory();
        let components = Components {
            store: Arc::clone(&store) as Arc<dyn Store>,
            directory: Arc::clone(&directory),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            entropy: self.entropy(),
        };
        let server = InProcess::start(settings, components).map_err(|it| format!("{it:?}"))?;
        self.running = Some(Running {
            server: Arc::new(server),
            store,
            directory,
        });
        Ok(())
    }

    /// Stops in order.
    pub(super) fn stop(&mut self) {
        if let Some(Running {
            server,
            store,
            directory,
        }) = self.running.take()
        {
            drop((server, directory));
            store.close();
        }
    }

    /// Ends everything at once, and puts what is left into place for the next life.
    pub(super) fn crash(&mut self, crash: Crash) {
        self.disk.go_down();
        let next = self.folder.path().join(format!("store-{}", self.lives));
        copy_catalog(&self.store_dir, &next);
        self.running = None;
        // Dice of its own: how much is at stake depends on the store's threads, and what
        // comes later must not.
        let mut dice = Random::new(self.random.bits());
        let picture = self.disk.after(crash, &mut dice);
        self.disk = SimDisk::new(&next, picture, self.random.bits());
        let before = std::mem::replace(&mut self.store_dir, next);
        std::fs::remove_dir_all(before).expect("removed");
    }

    pub(super) fn is_up(&self) -> bool {
        self.running.is_some()
    }

    /// Whether a post may be counted in part by a crash: in one shard and not in another.
    pub(super) fn is_whole(&self) -> bool {
        self.shards == 1
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("up")
    }

    pub(super) fn store(&self) -> &EmbeddedStore {
        &self.running().store
    }

    pub(super) fn is_poisoned(&self) -> bool {
        matches!(self.store().health(), Health::Poisoned(_))
    }

    /// The periodic work, once.
    pub(super) fn tick(&self) {
        self.running().server.tick();
    }

    /// Hands bodies in together, and waits for all answers.
    pub(super) fn deliver(&self, posts: &[(Arc<Post>, bool)]) -> Vec<(StatusCode, String)> {
        self.runtime.block_on(async {
            let mut tasks = Vec::new();
            for (post, is_forged) in posts {
                let (server, post) = (Arc::clone(&self.running().server), Arc::clone(post));
                let is_forged = *is_forged;
                tasks.push(tokio::spawn(async move {
                    hand_in(&server, &post, is_forged).await
                }));
            }
            let mut answers = Vec::new();
            for task in tasks {
                let (status, body) = task.await.expect("an answer");
                answers.push((status, String::from_utf8_lossy(&body).into_owned()));
            }
            answers
        })
    }

    /// An operator binds a number to the space of its source. The directory syncs it.
    pub(super) fn bind(&self, number: &str) {
        let directory = &self.running().directory;
        let snapshot = directory.snapshot();
        let space = snapshot.space(&format!("space-{HOLDING}")).expect("known");
        let number = PhoneNumber::parse(number).expect("digits");
        let outcomes = directory.bind_numbers(space.key, &[number], self.clock.now());
        assert_eq!(outcomes.expect("durable"), [BindOutcome::Bound]);
    }

    /// Everything ends when that step is passed for the nth time.
    pub(super) fn crash_at_step(&self, step: usize, nth: u32) {
        self.trap
            .set(Some((Step::ALL[step % Step::ALL.len()], nth)));
    }

    /// Nothing goes wrong any more.
    pub(super) fn mend(&self) {
        self.trap.set(None);
        self.disk.mend();
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Threads end before their files do.
        self.running = None;
    }
}

/// Hands a body in as its source does, or as somebody who does not know the secret.
async fn hand_in(server: &InProcess, post: &Post, is_forged: bool) -> (StatusCode, Bytes) {
    let (id, body) = (format!("source-{}", post.source), post.body.json.as_bytes());
    let secret = match (is_forged, post.kind) {
        (true, _) => "no secret of ours".to_owned(),
        (false, SourceKind::Whatsapp) => format!("secret-{}", post.source),
        (false, SourceKind::Cams) => format!("secret-{}-of-receipts", post.source),
    };
    match post.kind {
        SourceKind::Whatsapp => {
            let signature = crate::world::hub_signature(&secret, body);
            let mut headers = HeaderMap::new();
            let value = HeaderValue::from_str(&signature).expect("hex");
            headers.insert("x-hub-signature-256", value);
            server.whatsapp_webhook(&id, &headers, body).await
        }
        SourceKind::Cams => server.cams_webhook(&id, &secret, body).await,
    }
}

/// Copies the files that do not pass the simulated disk, at one moment: if one of them
/// changed meanwhile, again.
fn copy_catalog(from: &Path, to: &Path) {
    loop {
        drop(std::fs::remove_dir_all(to));
        std::fs::create_dir(to).expect("space");
        let before = catalog_files(from);
        for (path, ..) in &before {
            copy_file(path, &to.join(path.strip_prefix(from).expect("inside")));
        }
        if catalog_files(from) == before {
            return;
        }
    }
}

type Seen = (PathBuf, u64, Option<std::time::SystemTime>);

fn catalog_files(store_dir: &Path) -> Vec<Seen> {
    let mut dirs = vec![store_dir.join("catalog"), store_dir.join("catalog.new")];
    let mut files = Vec::new();
    while let Some(dir) = dirs.pop() {
        let Ok(entries) = std::fs::read_dir(dir) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else {
                continue;
            };
            if metadata.is_dir() {
                dirs.push(entry.path());
            } else {
                files.push((entry.path(), metadata.len(), metadata.modified().ok()));
            }
        }
    }
    files.sort();
    files
}

/// Copies a file and leaves its holes as they are: the engine of the transactional part
/// prepares a journal of 64 MiB that holds a few kilobytes.
fn copy_file(from: &Path, to: &Path) {
    use rustix::fs::SeekFrom::{Data, Hole};
    use std::os::unix::fs::FileExt as _;
    std::fs::create_dir_all(to.parent().expect("inside")).expect("space");
    let Ok(source) = std::fs::File::open(from) else {
        // Gone meanwhile: the caller sees it and copies again.
        return;
    };
    let target = std::fs::File::create(to).expect("space");
    let length = source.metadata().expect("readable").len();
    let mut at = 0;
    while let Ok(start) = rustix::fs::seek(&source, Data(at)) {
        at = rustix::fs::seek(&source, Hole(start)).unwrap_or(length);
        let mut bytes = vec![0; at.saturating_sub(start) as usize];
        let read = source.read_at(&mut bytes, start).expect("readable");
        target.write_all_at(&bytes[..read], start).expect("space");
    }
    target.set_len(length).expect("space");
}
