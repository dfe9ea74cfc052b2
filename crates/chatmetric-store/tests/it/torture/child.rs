//! The process that is tortured: a store behind stdin and stdout.
//!
//! It is this test binary once more, running the one test below with a variable
//! that names the directory. A line in is a batch, a line out its answer, written
//! by whichever thread of the store completes it. Invariant: the answer `ack` is
//! written only by the completion of the store.

use super::kill_disk::{KillDisk, Moment, Point};
use super::unsynced_disk::UnsyncedDisk;
use crate::model::counts_of;
use chatmetric_core::{EpochMs, Fingerprint, MessageStatus, PhoneNumber, SpaceKey};
use chatmetric_store::{Batch, Disk, EmbeddedStore, Health, Options, StatusEvent, Store, Target};
use std::fmt::Write as _;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// The variable that turns the test into the child.
pub(crate) const VARIABLE: &str = "CHATMETRIC_TORTURE_CHILD";
/// The variable that makes its syncs do nothing.
pub(crate) const UNSYNCED_VARIABLE: &str = "CHATMETRIC_TORTURE_UNSYNCED";
/// The test that is the child, as the runner knows it.
pub(crate) const TEST: &str = "torture::child::a_child_answers_every_line";

/// How the child opens its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) dir: PathBuf,
    pub(crate) shards: u32,
    pub(crate) records: usize,
    pub(crate) segment_bytes: u64,
    /// Kills itself at this change of the disk.
    pub(crate) kill: Option<Point>,
    /// Whether its syncs do something.
    pub(crate) synced: bool,
}

impl Setup {
    /// Generations of a few messages: seals and merges happen all the time.
    pub(crate) fn small(dir: &std::path::Path, shards: u32) -> Self {
        Self {
            dir: dir.to_owned(),
            shards,
            records: 24,
            segment_bytes: 16 * 1024,
            kill: None,
            synced: true,
        }
    }

    pub(crate) fn to_text(&self) -> String {
        let (moment, kind, nth) = match &self.kill {
            Some(point) => (point.moment.word(), &*point.kind, point.nth),
            None => ("never", "any", 0),
        };
        format!(
            "{} {} {} {moment} {kind} {nth} {}",
            self.shards,
            self.records,
            self.segment_bytes,
            self.dir.display()
        )
    }

    fn from_text(text: &str) -> Self {
        let parts: Vec<&str> = text.splitn(7, ' ').collect();
        let moment = Moment::ALL.into_iter().find(|it| it.word() == parts[3]);
        Self {
            dir: parts[6].into(),
            shards: parts[0].parse().expect("a number"),
            records: parts[1].parse().expect("a number"),
            segment_bytes: parts[2].parse().expect("a number"),
            kill: moment.map(|moment| Point {
                moment,
                kind: parts[4].to_owned(),
                nth: parts[5].parse().expect("a number"),
            }),
            synced: std::env::var_os(UNSYNCED_VARIABLE).is_none(),
        }
    }

    /// The options of the store, without a disk that kills.
    pub(crate) fn options(&self) -> Options {
        Options {
            shards: self.shards,
            generation_records_max: self.records,
            segment_bytes: self.segment_bytes,
            merge_fan_in: 3,
            // Of the older runs it is looked at in their files.
            filter_bytes_max: 4 * 1024,
            // Nearly every merge needs a scratch file.
            merge_filter_bytes_max: 1024,
            ..Options::default()
        }
    }
}

/// A batch as a line.
pub(crate) fn to_line(id: u64, batch: &Batch) -> String {
    let mut line = format!("batch {id} {} {}", batch.source, batch.received_at.0);
    for event in &batch.events {
        let Target::Space(space) = event.target else {
            panic!("only counted events are sent to a child");
        };
        write!(
            line,
            " {:x}:{}:{}:{}:{}",
            event.fingerprint.0,
            event.number,
            event.status.as_str(),
            event.at.0,
            space.0
        )
        .expect("a string grows");
    }
    line.push('\n');
    line
}

fn from_words<'w>(mut words: impl Iterator<Item = &'w str>) -> (u64, Batch) {
    let mut next = || words.next().expect("a word");
    let id = next().parse().expect("a number");
    let source = next().into();
    let received_at = EpochMs(next().parse().expect("a time"));
    let events = words.map(|word| {
        let parts: Vec<&str> = word.split(':').collect();
        StatusEvent {
            fingerprint: Fingerprint(u128::from_str_radix(parts[0], 16).expect("hex")),
            number: PhoneNumber::parse(parts[1]).expect("digits"),
            status: MessageStatus::from_word(parts[2]).expect("a counted word"),
            at: EpochMs(parts[3].parse().expect("a time")),
            target: Target::Space(SpaceKey(parts[4].parse().expect("a number"))),
        }
    });
    let batch = Batch {
        source,
        received_at,
        events: events.collect(),
        sealed: Vec::new(),
        ignored: 0,
    };
    (id, batch)
}

/// Answers every line until there are no more.
fn serve(setup: &Setup, lines: impl BufRead, out: impl Write + Send + 'static) {
    let out = Arc::new(Mutex::new(out));
    // A parent that is gone takes no answers.
    let say = move |text: &str| {
        let mut out = out.lock().expect("no panic");
        drop(
            out.write_all(format!("{text}\n").as_bytes())
                .and_then(|()| out.flush()),
        );
    };
    let disk: Arc<dyn Disk> = if setup.synced {
        Arc::new(KillDisk::new(setup.kill.clone()))
    } else {
        Arc::new(UnsyncedDisk)
    };
    let options = Options {
        disk,
        ..setup.options()
    };
    // The runner may have begun a line of its own.
    say("");
    let store = match EmbeddedStore::open(&setup.dir, options) {
        Ok(store) => store,
        Err(error) => return say(&format!("refused {error}")),
    };
    say("ready");
    for line in lines.lines() {
        let line = line.expect("text");
        let mut words = line.split(' ');
        match words.next() {
            Some("batch") => {
                let (id, batch) = from_words(words);
                let say = say.clone();
                store.submit(
                    batch,
                    Box::new(move |result| match result {
                        Ok(_) => say(&format!("ack {id}")),
                        Err(error) => say(&format!("no {id} {error}")),
                    }),
                );
            }
            Some("health") => say(match store.health() {
                Health::Ready => "health ready",
                Health::Waiting(_) => "health waiting",
                Health::Poisoned(_) => "health poisoned",
            }),
            Some("counts") => say(&format!("counts {:?}", counts_of(&store))),
            other => panic!("unknown line {other:?}"),
        }
    }
    drop(store);
    say("bye");
}

#[test]
fn a_child_answers_every_line() {
    if let Ok(text) = std::env::var(VARIABLE) {
        return serve(
            &Setup::from_text(&text),
            std::io::stdin().lock(),
            std::io::stdout(),
        );
    }
    let dir = tempfile::tempdir().expect("a directory");
    let setup = Setup {
        kill: Some(Point {
            moment: Moment::Half,
            kind: "write-run".to_owned(),
            nth: 1_000_000,
        }),
        ..Setup::small(dir.path(), 3)
    };
    assert_eq!(Setup::from_text(&setup.to_text()), setup);
    let mut world = super::world::World::new(1);
    let ids = [world.next(), world.next()];
    let mut lines = String::new();
    for id in ids {
        let line = to_line(id, &world.batch(id));
        let words = line.trim_end().split(' ').skip(1);
        assert_eq!(from_words(words), (id, world.batch(id)));
        lines += &line;
    }
    lines += "health\n";
    let (sender, answers) = std::sync::mpsc::channel();
    serve(&setup, lines.as_bytes(), Sender(sender));
    let said: Vec<u8> = answers.into_iter().flatten().collect();
    let said = String::from_utf8(said).expect("text");
    for answer in ["ready", "ack 1", "ack 2", "health ready", "bye"] {
        let times = said.lines().filter(|line| *line == answer).count();
        assert_eq!(times, 1, "`{answer}` in {said}");
    }
    for id in ids {
        world.acknowledge(id);
    }
    world.settle(dir.path(), &setup.options());
}

/// Lines for the test above.
struct Sender(std::sync::mpsc::Sender<Vec<u8>>);

impl Write for Sender {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(std::io::Error::other)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
