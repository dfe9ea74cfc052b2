//! Power cuts of a machine with a real file system on a disk with a volatile cache,
//! while the real store takes batches there with one to three writers.
//!
//! What was acknowledged is known outside of that machine and compared with the
//! independent model after the power came back; what was under way is sent again
//! first. Two controls, which must lose: a file system that never flushes the cache of
//! the disk, and a store whose syncs do nothing.

use super::child::Setup;
use super::machine::{Files, Machine, Running, alone};
use super::process::Child;
use super::volatile::Cut;
use super::world::World;
use super::{cycles_of, skipped};
use chatmetric_sim::Random;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

const SEED: u64 = 20_261_130;
/// Cuts in CI, and of each control.
const CUTS: u64 = 20;
const CONTROL_CUTS: u64 = 10;
/// Batches of the life before a control: durable, and not the whole of what is lost.
const BATCHES_BEFORE: u64 = 60;
/// Batches that a life is certain to reach: a cut before them would prove little.
const BATCHES_MIN: u64 = 5;

/// One life that ends with a cut. It comes while the store starts, or `later`.
fn life(running: &Running<'_>, setup: &Setup, world: &mut World, later: Option<Random>) -> Cut {
    let mut child = Child::start(setup);
    let in_start = later.is_none();
    let mut random = later.unwrap_or_else(|| Random::new(SEED + world.acknowledged()));
    if !in_start {
        child.wait_ready().expect("ready");
        assert_eq!(child.feed(world, BATCHES_MIN), BATCHES_MIN);
    }
    // A start takes some 30 ms, a seal and a merge as long.
    let ms = if in_start { 60_000 } else { 500_000 };
    let delay = Duration::from_micros(random.latency(500, ms) as u64);
    let plug = running.plug();
    let pulled = child.kill_after_that(delay, move || plug.pull(&mut random));
    if !in_start || child.wait_ready().is_ok() {
        child.feed(world, u64::MAX);
    }
    // A child that cannot write any more may end by itself; its number is its own until it
    // is waited for, which is after this.
    let cut = pulled.join().expect("cuts");
    child.end(world);
    cut
}

/// A machine and what it was told, over many cuts.
struct Subject {
    files: Files,
    machine: Machine,
    world: World,
    cuts: u64,
    /// Cuts that came while something was in the cache of the disk.
    bites: u64,
    unflushed: u64,
    flushes: u64,
}

impl Subject {
    fn new(files: Files) -> Result<Self, String> {
        Ok(Self {
            files,
            machine: Machine::new(files)?,
            world: World::new(SEED),
            cuts: 0,
            bites: 0,
            unflushed: 0,
            flushes: 0,
        })
    }

    /// The same, if it can be mounted here.
    fn mounted_once(self) -> Result<Self, String> {
        self.machine.start(self.files)?.stop();
        Ok(self)
    }

    /// One cut and the comparison after it.
    fn cut(&mut self, random: &mut Random) -> Result<(), String> {
        let running = self.machine.start(self.files)?;
        let shards = [1, 3, 2][random.below(3) as usize];
        let setup = Setup::small(&running.dir(), shards);
        let later = (!random.chance(300)).then(|| Random::new(random.bits()));
        let in_start = later.is_none();
        let cut = life(&running, &setup, &mut self.world, later);
        running.stop();
        let (files, batches) = (self.files, self.world.acknowledged());
        println!("{files:?}, in a start: {in_start}, {batches} batches, {cut:?} (seed {SEED})");
        self.cuts += 1;
        self.bites += u64::from(cut.unflushed > 0);
        self.unflushed += cut.unflushed;
        self.flushes += cut.flushes;
        let running = self.machine.start(self.files).expect("it comes back");
        self.world.settle(&running.dir(), &setup.options());
        running.stop();
        Ok(())
    }
}

fn kernel_has_xfs() -> bool {
    let known = std::fs::read_to_string("/proc/filesystems").unwrap_or_default();
    known.split_whitespace().any(|name| name == "xfs")
}

#[test]
fn power_cuts_lose_and_double_nothing() {
    alone("torture::power::power_cuts_lose_and_double_nothing", || {
        let mut random = Random::new(SEED);
        let mut subjects = vec![Subject::new(Files::Ext4)?];
        match Subject::new(Files::Xfs).and_then(Subject::mounted_once) {
            Ok(subject) => subjects.push(subject),
            // A kernel without it has no xfs to lose anything. One that has it as a module has
            // looked for that when it was asked to mount one.
            Err(why) if !kernel_has_xfs() => {
                drop(writeln!(std::io::stderr(), "SKIPPED: no xfs here: {why}"));
            }
            Err(why) => skipped(&format!("no power was cut below xfs: {why}")),
        }
        for at in 0..cycles_of(CUTS, CUTS) {
            let all = subjects.len() as u64;
            subjects[(at % all) as usize].cut(&mut random)?;
        }
        for subject in &subjects {
            let Subject {
                files,
                cuts,
                bites,
                unflushed,
                flushes,
                ..
            } = subject;
            let batches = subject.world.acknowledged();
            println!(
                "figure: {files:?}: {cuts} cuts, {batches} batches, 0 lost or doubled, {unflushed} blocks in caches of {bites}"
            );
            assert!(*flushes > batches / 24, "the cache was flushed");
            assert!(batches >= cuts * BATCHES_MIN / 2);
        }
        // Together: a quick machine has an empty cache at every second cut below xfs.
        let bites: u64 = subjects.iter().map(|subject| subject.bites).sum();
        let cuts: u64 = subjects.iter().map(|subject| subject.cuts).sum();
        assert!(bites * 4 > cuts, "cuts came while something was under way");
        Ok(())
    });
}

/// A machine that has taken batches and was stopped in order.
fn template() -> Result<Machine, String> {
    let machine = Machine::new(Files::Ext4)?;
    let running = machine.start(Files::Ext4)?;
    let mut world = World::new(SEED);
    let mut child = Child::start(&Setup::small(&running.dir(), 2));
    child.wait_ready().expect("ready");
    assert_eq!(child.feed(&mut world, BATCHES_BEFORE), BATCHES_BEFORE);
    child.end(&mut world);
    running.stop();
    machine.save().map(|()| machine)
}

/// What is wrong after one cut of a control; `None`: nothing.
fn lost(
    machine: &Machine,
    files: Files,
    synced: bool,
    seed: u64,
) -> Result<Option<String>, String> {
    machine.restore()?;
    let mut world = World::new(SEED);
    world.skip(BATCHES_BEFORE);
    let running = machine.start(files)?;
    let setup = Setup {
        synced,
        ..Setup::small(&running.dir(), 2)
    };
    let cut = life(&running, &setup, &mut world, Some(Random::new(seed)));
    running.stop();
    let batches = world.acknowledged() - BATCHES_BEFORE;
    let why = match machine.start(Files::Ext4) {
        Err(why) => Some(why),
        Ok(running) => {
            // A store on half a file system need not say it well.
            let settle = || world.try_settle(&running.dir(), &setup.options());
            let settled = catch_unwind(AssertUnwindSafe(settle));
            running.stop();
            settled.unwrap_or_else(|_| Err("a panic".to_owned())).err()
        }
    };
    println!("{files:?}, synced: {synced}, {batches} batches, {cut:?}: {why:?}");
    Ok(why)
}

/// Nearly every cut must lose something that was acknowledged.
fn control(files: Files, synced: bool) -> Result<(), String> {
    let machine = template()?;
    let cuts = cycles_of(CONTROL_CUTS, CUTS);
    let mut losses = 0;
    for at in 0..cuts {
        losses += u64::from(lost(&machine, files, synced, SEED + at)?.is_some());
    }
    println!(
        "figure: control, {files:?}, synced: {synced}: {losses} of {cuts} cuts lost something"
    );
    assert!(
        losses * 10 >= cuts * 9,
        "{losses} of {cuts}: the cuts do not bite"
    );
    Ok(())
}

#[test]
fn a_file_system_without_barriers_loses() {
    alone(
        "torture::power::a_file_system_without_barriers_loses",
        || control(Files::Ext4WithoutBarriers, true),
    );
}

#[test]
fn a_store_whose_syncs_do_nothing_loses() {
    alone(
        "torture::power::a_store_whose_syncs_do_nothing_loses",
        || control(Files::Ext4, false),
    );
}
