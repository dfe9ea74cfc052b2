//! Backups that the server makes by itself: by the configuration, shown by `/metrics`,
//! and failures that are told and do no harm.

use super::{list, restore_with_key, send};
use crate::process::{Served, agent, data_dir, run};
use std::time::Duration;

fn serve(data_dir: &str, config: &str) -> Served {
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--config", config];
    Served::start_with(&[&arguments[..], &["--data-dir", data_dir]].concat())
}

/// The value of a series.
fn figure(url: &str, series: &str) -> u64 {
    let mut answer = agent().get(format!("{url}/metrics")).call().expect("asked");
    let text = answer.body_mut().read_to_string().expect("read");
    let line = text
        .lines()
        .find_map(|it| it.strip_prefix(series)?.strip_prefix(' '));
    line.expect(series).parse().expect("a number")
}

fn wait_until(what: &str, served: &Served, mut done: impl FnMut() -> bool) {
    for _ in 0..1_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{what} never came: {}", served.said());
}

#[test]
fn a_server_makes_backups_as_its_configuration_says() {
    let (folder, data_dir) = data_dir();
    let dest = folder.path().join("backups");
    let config = folder.path().join("backup.toml").display().to_string();
    let text = format!(
        "[backup]\ndir = \"{}\"\nevery_hours = 6\nkeep = 2\n",
        dest.display()
    );
    std::fs::write(&config, text).expect("written");
    let served = serve(&data_dir, &config);
    let made = "chatmetric_backups_total";
    wait_until("a backup", &served, || figure(&served.url, made) == 1);
    let last = "chatmetric_backup_last_success_timestamp_seconds";
    let first_at = figure(&served.url, last);
    assert!(first_at > 1_700_000_000);
    send(&served.url, 0, 0, 10);
    // One by hand is noted as well.
    let told = super::made(&data_dir, &dest, &[]);
    assert_eq!(figure(&served.url, made), 2);
    assert!(figure(&served.url, last) >= first_at);
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
    assert!(log.contains("made a backup"), "{log}");
    let there = list(&dest);
    assert_eq!(there.len(), 2);
    // What there is, is young enough: nothing is due.
    let served = serve(&data_dir, &config);
    wait_until("what is known", &served, || figure(&served.url, last) > 0);
    // It is looked for what is due every second.
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(figure(&served.url, made), 0);
    // One elsewhere says nothing of those that are scheduled.
    let elsewhere = folder.path().join("elsewhere");
    let newest = figure(&served.url, last);
    super::made(&data_dir, &elsewhere, &[]);
    assert_eq!(figure(&served.url, made), 1);
    assert_eq!(figure(&served.url, last), newest);
    assert_eq!(list(&dest), there);
    drop(served.stop());
    let to = folder.path().join("restored");
    let id = told["id"].as_str().expect("an id");
    let ran = restore_with_key(&data_dir, &dest, &to, &["--at", id]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_backup_that_fails_is_told_and_the_server_goes_on() {
    let (folder, data_dir) = data_dir();
    let dest = folder.path().join("file");
    std::fs::write(&dest, "no directory").expect("written");
    let config = folder.path().join("backup.toml").display().to_string();
    std::fs::write(&config, format!("[backup]\ndir = \"{}\"\n", dest.display())).expect("written");
    let served = serve(&data_dir, &config);
    let failed = "chatmetric_backup_failures_total";
    wait_until("a failure", &served, || figure(&served.url, failed) == 1);
    assert_eq!(
        figure(
            &served.url,
            "chatmetric_backup_last_success_timestamp_seconds"
        ),
        0
    );
    send(&served.url, 0, 0, 10);
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
    assert!(
        log.contains("could not make a backup") && log.contains("file"),
        "{log}"
    );
}

#[test]
fn faults_of_the_section_are_reported_with_their_keys() {
    let (folder, data_dir) = data_dir();
    let config = folder.path().join("backup.toml").display().to_string();
    let text = format!("[backup]\ndir = \"{data_dir}/backups\"\nevery_hours = 0\nkeep = 1001\n");
    std::fs::write(&config, text).expect("written");
    let ran = run(&["serve", "--config", &config, "--data-dir", &data_dir]);
    assert_eq!(ran.code, 2, "{ran:?}");
    for (line, key) in [
        (2, "backup.dir"),
        (3, "backup.every_hours"),
        (4, "backup.keep"),
    ] {
        let found = ran
            .stderr
            .lines()
            .any(|it| it.contains(&format!("line {line},")) && it.contains(&format!("`{key}`")));
        assert!(found, "{key}: {}", ran.stderr);
    }
}
