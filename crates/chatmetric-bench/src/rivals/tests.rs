//! Every rival that needs no server counts as the model does, and a wrong count
//! is noticed.

use super::*;
use crate::workload::{BATCH_EVENTS, Dataset};

/// Several batches with every oddity of a workload.
fn dataset() -> Dataset {
    Dataset::make(12_000, 20)
}

fn load(rival: &mut dyn Rival, dataset: &Dataset, skipped: Option<usize>) {
    let mut events = dataset.hashed();
    if let Some(skipped) = skipped {
        events.remove(skipped);
    }
    for batch in events.chunks(BATCH_EVENTS) {
        let arrival = Arrival::new(batch.to_vec()).expect("a batch");
        rival.commit(arrival).expect("a commit");
    }
    rival.finish().expect("an end");
}

/// Loads a rival, and compares it with the model before and after it settles.
fn counts_as_the_model(open: impl FnOnce(&std::path::Path) -> Result<Box<dyn Rival>>) {
    let dataset = dataset();
    let dir = tempfile::tempdir().expect("a directory");
    let mut rival = open(&dir.path().join("data")).expect("an open rival");
    load(&mut *rival, &dataset, None);
    rival.check(&dataset.expected).expect("the model's counts");
    rival.settle().expect("settled files");
    rival.check(&dataset.expected).expect("the model's counts");
    assert!(rival.stored_bytes().expect("a size") > 8 * dataset.messages);

    let (name, totals) = dataset.expected.iter().next().expect("a number");
    let mut half_hours: BTreeMap<u32, Tally> = BTreeMap::new();
    for (slot, tally) in two_counters(totals).expect("slots") {
        half_hours.entry(slot - slot % 2).or_default().add(tally);
    }
    let (first, last) = (
        *half_hours.keys().nth(2).expect("a half hour"),
        *half_hours.keys().last().expect("a half hour"),
    );
    let series = rival
        .series(&Number::parse(name).expect("a number"), first..last)
        .expect("a series");
    let expected: Vec<HalfHour> = half_hours
        .range(first..last)
        .map(|(at, t)| (*at, *t))
        .collect();
    assert_eq!(series, expected);
}

#[test]
fn sqlite_counts_as_the_model() {
    counts_as_the_model(|dir| Ok(Box::new(Sqlite::open(dir)?)));
}

#[test]
fn fjall_counts_as_the_model() {
    counts_as_the_model(|dir| Ok(Box::new(Fjall::open(dir)?)));
}

#[test]
fn fjall_behind_a_hot_table_counts_as_the_model() {
    counts_as_the_model(|dir| Ok(Box::new(HotFjall::open(dir)?)));
}

#[test]
fn a_hot_table_that_forgets_nearly_everything_loses_nothing() {
    counts_as_the_model(|dir| Ok(Box::new(HotFjall::with_entries(dir, 10)?)));
}

#[test]
fn lmdb_counts_as_the_model() {
    counts_as_the_model(|dir| Ok(Box::new(Lmdb::open(dir)?)));
}

#[test]
fn a_wrong_count_is_noticed() {
    let mut dataset = dataset();
    let dir = tempfile::tempdir().expect("a directory");
    let mut rival = Fjall::open(&dir.path().join("data")).expect("an open rival");
    load(&mut rival, &dataset, None);
    rival.check(&dataset.expected).expect("the model's counts");
    let totals = dataset.expected.values_mut().next_back();
    let counts = totals.and_then(|totals| totals.values_mut().find(|it| it.delivered > 0));
    counts.expect("a quarter hour").delivered += 1;
    let error = rival.check(&dataset.expected).unwrap_err().to_string();
    assert!(error.contains("differ from the model"), "{error}");
}

#[test]
fn an_event_that_was_lost_is_noticed() {
    let dataset = dataset();
    let dir = tempfile::tempdir().expect("a directory");
    let mut rival = Sqlite::open(&dir.path().join("data")).expect("an open rival");
    // A message that is reported once counts for nothing when that is lost.
    let mut reports: BTreeMap<u128, Vec<usize>> = BTreeMap::new();
    for (at, event) in dataset.hashed().iter().enumerate() {
        if event.status != chatmetric_core::MessageStatus::Failed {
            reports.entry(event.fingerprint.0).or_default().push(at);
        }
    }
    let once = reports.values().find(|reports| reports.len() == 1);
    let lost = once.and_then(|reports| reports.first()).copied();
    load(
        &mut rival,
        &dataset,
        Some(lost.expect("a message with one report")),
    );
    assert!(rival.check(&dataset.expected).is_err());
}
