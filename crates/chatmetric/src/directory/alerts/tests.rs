//! What is written stays; an acknowledgement is kept, bounded and in the audit log.

use super::*;
use crate::directory::AuditFilter;
use crate::entropy::SeededEntropy;
use crate::master_key::MasterKey;
use std::path::Path;
use std::sync::Arc;

const NOW: EpochMs = EpochMs(1_767_226_600_000);
const ACME: &str = "1000000000000001";

fn open(path: &Path) -> Directory {
    let entropy = Arc::new(SeededEntropy::new(1));
    let key = MasterKey::for_data_dir(path, None, entropy.as_ref()).expect("a key");
    Directory::open(path, key.key, entropy).expect("opens")
}

fn key(number: u64) -> AlertKey {
    AlertKey {
        rule: Rule::DeliveryRate,
        account: Some(ACME.to_owned()),
        subject: format!("number/{number}"),
    }
}

fn fire(key: AlertKey) -> AlertWrite {
    AlertWrite::Fire {
        key,
        since_ms: NOW.0 - 900_000,
        finding: Finding {
            summary: "71 % of 120 messages delivered".to_owned(),
            facts: Map::from_iter([("sent".to_owned(), json!(120))]),
        },
    }
}

fn all(directory: &Directory) -> Vec<Alert> {
    let filter = AlertFilter {
        limit: ALERTS_PAGE_MAX,
        ..AlertFilter::default()
    };
    directory.alerts(&filter).expect("reads")
}

#[test]
fn an_acknowledgement_is_kept_over_a_restart_and_is_in_the_audit_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let directory = open(&data);
    let ids = directory
        .write_alerts(&[fire(key(1))], 90, NOW)
        .expect("written");
    let account = AccountId::parse(ACME).expect("an id");
    let other = AccountId::parse("2000000000000002").expect("an id");
    let actor = Actor::operator("operator/night");
    let acknowledge = |account: &AccountId, note: &str| {
        directory.acknowledge_alert(ids[0], Some(account), Some(note), &actor, NOW)
    };
    // Nobody else's, and not with any text.
    let refused = acknowledge(&other, "mine").expect_err("not theirs");
    assert!(matches!(refused, AcknowledgeError::NotFound { .. }));
    let long = "x".repeat(ALERT_NOTE_CHARS_MAX + 1);
    for note in [long.as_str(), "a\u{1b}[31m"] {
        assert!(matches!(
            acknowledge(&account, note),
            Err(AcknowledgeError::Note)
        ));
    }
    assert_eq!(all(&directory)[0].state(), AlertState::Open);
    acknowledge(&account, " provider is at it ").expect("acknowledged");
    drop(directory);

    let directory = open(&data);
    let found = all(&directory);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].state(), AlertState::Acknowledged);
    assert_eq!(found[0].finding.facts["sent"], 120);
    let known = found[0].acknowledgement.as_ref().expect("kept");
    assert_eq!((known.by.as_str(), known.at_ms), ("operator/night", NOW.0));
    assert_eq!(known.note.as_deref(), Some("provider is at it"));
    let log = directory.audit_log(&AuditFilter {
        account: Some(account.clone()),
        before_id: None,
        limit: 10,
    });
    let log = log.expect("reads");
    assert_eq!(log.len(), 1);
    assert_eq!(
        (log[0].action.as_str(), log[0].target.as_str()),
        ("chatmetric:AcknowledgeAlerts", "alert/1")
    );
    assert_eq!(log[0].actor.name, "operator/night");
    assert!(
        log[0]
            .after
            .as_deref()
            .is_some_and(|after| after.contains("provider is at it"))
    );

    // What is over stays as it was acknowledged, and cannot be acknowledged any more.
    let over = AlertWrite::Resolve {
        id: ids[0],
        why: "as usual again",
    };
    directory.write_alerts(&[over], 90, NOW).expect("written");
    assert_eq!(all(&directory)[0].state(), AlertState::Resolved);
    assert!(all(&directory)[0].acknowledgement.is_some());
    let refused = directory.acknowledge_alert(ids[0], None, None, &actor, NOW);
    assert!(matches!(refused, Err(AcknowledgeError::Resolved { .. })));
}

#[test]
fn of_one_thing_one_alert_is_open_and_nothing_is_written_by_halves() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = open(&folder.path().join("data"));
    directory
        .write_alerts(&[fire(key(1))], 90, NOW)
        .expect("written");
    let twice = [fire(key(2)), fire(key(1))];
    directory
        .write_alerts(&twice, 90, NOW)
        .expect_err("it is open");
    assert_eq!(all(&directory).len(), 1);
    let disk = AlertKey {
        rule: Rule::DiskFull,
        account: None,
        subject: "disk".to_owned(),
    };
    directory
        .write_alerts(&[fire(disk.clone())], 90, NOW)
        .expect("written");
    directory
        .write_alerts(&[fire(disk)], 90, NOW)
        .expect_err("it is open");
}

#[test]
fn what_is_over_is_forgotten_by_age_and_number_and_what_fires_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = open(&folder.path().join("data"));
    let ids = directory
        .write_alerts(&[fire(key(1)), fire(key(2))], 90, NOW)
        .expect("written");
    let over = AlertWrite::Resolve {
        id: ids[0],
        why: "as usual again",
    };
    directory.write_alerts(&[over], 90, NOW).expect("written");
    let later = EpochMs(NOW.0 + 90 * DAY_MS);
    directory.write_alerts(&[], 90, later).expect("written");
    assert_eq!(all(&directory).len(), 2);
    directory
        .write_alerts(&[], 90, EpochMs(later.0 + 1))
        .expect("written");
    assert_eq!(
        all(&directory)
            .iter()
            .map(|alert| alert.id)
            .collect::<Vec<_>>(),
        [ids[1]]
    );

    let many: Vec<AlertWrite> = (0..200).map(|at| fire(key(100 + at))).collect();
    for _ in 0..ALERTS_KEPT_MAX / 200 + 2 {
        let ids = directory.write_alerts(&many, 90, NOW).expect("written");
        let over: Vec<_> = ids
            .iter()
            .map(|id| AlertWrite::Resolve { id: *id, why: "" })
            .collect();
        directory.write_alerts(&over, 90, NOW).expect("written");
    }
    let firing = directory.firing_alerts().expect("reads");
    assert_eq!(
        firing.iter().map(|alert| alert.id).collect::<Vec<_>>(),
        [ids[1]]
    );
    let count: i64 = directory
        .write()
        .connection
        .query_one("SELECT count(*) FROM alerts", [], |row| row.get(0))
        .expect("counts");
    assert_eq!(count, i64::try_from(ALERTS_KEPT_MAX).expect("small") + 1);
}

#[test]
fn what_was_told_is_not_told_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let directory = open(&data);
    let ids = directory
        .write_alerts(&[fire(key(1)), fire(key(2))], 90, NOW)
        .expect("written");
    let untold = directory.untold_alerts(NOW).expect("reads");
    assert_eq!(untold.len(), 2);
    directory.note_told(&[&untold[0]], NOW).expect("noted");
    drop(directory);
    let directory = open(&data);
    let untold = directory.untold_alerts(NOW).expect("reads");
    assert_eq!(
        untold.iter().map(|alert| alert.id).collect::<Vec<_>>(),
        [ids[1]]
    );
    assert_eq!(directory.told_lately(NOW).expect("reads"), [NOW.0]);
    // The one that was told of is told to be over; of the other nobody knew.
    let over: Vec<_> = ids
        .iter()
        .map(|id| AlertWrite::Resolve { id: *id, why: "" })
        .collect();
    directory.write_alerts(&over, 90, NOW).expect("written");
    let untold = directory.untold_alerts(NOW).expect("reads");
    assert_eq!(
        untold.iter().map(|alert| alert.id).collect::<Vec<_>>(),
        [ids[0]]
    );
    directory
        .note_told(&[&untold[0]], EpochMs(NOW.0 + 1))
        .expect("noted");
    assert_eq!(directory.untold_alerts(NOW).expect("reads"), []);
}

#[test]
fn what_is_remembered_is_replaced_below_its_prefix() {
    let folder = tempfile::tempdir().expect("a folder");
    let directory = open(&folder.path().join("data"));
    let one = |name: &str| vec![(name.to_owned(), vec![1])];
    directory
        .keep_watch_memory("source/", &one("source/a"))
        .expect("kept");
    directory
        .keep_watch_memory("disk", &one("disk"))
        .expect("kept");
    directory
        .keep_watch_memory("source/", &one("source/b"))
        .expect("kept");
    let names: Vec<String> = directory
        .watch_memory()
        .expect("reads")
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["disk", "source/b"]);
}
