//! `doctor` and `man`: what they look at, and what they leave alone.

use crate::process::{Served, data_dir, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

fn states(arguments: &[&str]) -> (i32, BTreeMap<String, String>) {
    let ran = run(&[&["doctor", "-o", "json"], arguments].concat());
    let rows: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
    let text = |row: &Value, name: &str| row[name].as_str().expect("text").to_owned();
    let rows = rows.as_array().expect("rows").iter();
    let states = rows.map(|row| (text(row, "check"), text(row, "state")));
    (ran.code, states.collect())
}

#[test]
fn a_fit_machine_is_told_from_one_that_is_not() {
    let (folder, data_dir) = data_dir();
    let before = std::fs::read_dir(&data_dir).expect("listed").count();
    let (code, of) = states(&["--data-dir", &data_dir]);
    assert_eq!(code, 0, "{of:?}");
    for check in ["clock", "configuration", "data directory", "master key"] {
        assert_eq!(of[check], "ok", "{of:?}");
    }
    // It listens to this machine alone, and nobody runs.
    assert_eq!((&*of["webhooks"], &*of["server"]), ("warn", "warn"));
    assert_eq!(
        std::fs::read_dir(&data_dir).expect("listed").count(),
        before
    );
    let served = Served::start(&data_dir);
    assert_eq!(states(&["--data-dir", &data_dir]).1["server"], "ok");
    served.stop();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&data_dir, open).expect("set");
    let (code, of) = states(&["--data-dir", &data_dir]);
    assert_eq!((code, &*of["data directory"]), (1, "bad"));
    let key = format!("{data_dir}.key");
    std::fs::remove_file(&key).expect("removed");
    assert_eq!(states(&["--data-dir", &data_dir]).1["master key"], "bad");
    let (code, of) = states(&["--data-dir", "/nowhere/data"]);
    assert_eq!((code, &*of["disk"]), (1, "bad"), "{of:?}");
    let config = folder.path().join("bad.toml");
    std::fs::write(&config, "[server]\nlisten = \"nowhere\"\n").expect("written");
    let (code, of) = states(&["--config", config.to_str().expect("text")]);
    assert_eq!((code, &*of["configuration"]), (1, "bad"));
    std::fs::write(&config, "[server]\nlisten = \"0.0.0.0:8443\"\n").expect("written");
    let (code, _) = states(&["--config", config.to_str().expect("text")]);
    assert_eq!(code, 1);
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man1");
    let ran = run(&["man", pages.to_str().expect("text")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for page in [
        "chatmetric.1",
        "chatmetric-serve.1",
        "chatmetric-admin-operator-token-create.1",
    ] {
        let text = std::fs::read_to_string(pages.join(page)).expect(page);
        assert!(text.contains(".SH NAME"), "{page}");
    }
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    let ran = run(&["man", file.to_str().expect("text")]);
    assert_eq!(ran.code, 1, "{ran:?}");
}
