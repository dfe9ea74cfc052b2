//! What `[cluster]` may say, and with what it does not go together.

use crate::config::{ClusterRole, ConfigError, Overrides, Settings};

fn load(text: &str) -> Result<Settings, ConfigError> {
    Settings::from_parts(text, [], &Overrides::default())
}

fn faults(text: &str) -> String {
    match load(text) {
        Err(ConfigError::Faults(faults)) => {
            let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
            lines.join("\n")
        }
        other => format!("{other:?}"),
    }
}

const SOUND: &str = "[cluster]\nnats_urls = [\"nats://127.0.0.1:4222\"]\nnode = \"a\"\n";

#[cfg(feature = "nats")]
#[test]
fn servers_and_a_name_are_enough() {
    let settings = load(SOUND).expect("valid");
    assert!(settings.cluster.is_on());
    assert!(
        ClusterRole::ALL
            .into_iter()
            .all(|role| settings.cluster.does(role))
    );
    assert_eq!(settings.cluster.replicas, 3);
}

#[cfg(feature = "nats")]
#[test]
fn all_faults_are_named_with_their_places() {
    let text = "[cluster]\nnats_urls = [\"http://a\", \"nats://user@b\"]\nname = \"a.b\"\n\
                role = [\"tally\", \"tally\"]\nreplicas = 1\npartitions = 0\n\
                tally_replicas = 99\n";
    expect_test::expect![[r#"
        line 2, column 13: `cluster.nats_urls`: `http://a` is not `nats://HOST:PORT` or `tls://HOST:PORT`
        `cluster.node`: is missing: each node has a name of its own, and keeps it
        line 3, column 8: `cluster.name`: must be 1 to 32 letters, digits, `-` or `_`
        line 4, column 8: `cluster.role`: `tally` is there twice
        line 5, column 12: `cluster.replicas`: `1` copies can lose acknowledged events with one machine: at least 3, or `allow_weak_durability = true`
        line 7, column 18: `cluster.tally_replicas`: must be from 1 to 16
        line 6, column 14: `cluster.partitions`: must be from 1 to 1024"#]]
    .assert_eq(&faults(text));
}

#[test]
fn a_role_is_one_of_three() {
    let found = faults("[cluster]\nrole = [\"cook\"]\n");
    assert!(
        found.contains(
            "`cluster.role`: `cook` is not a role: known are `ingest`, `tally` and `api`"
        ),
        "{found}"
    );
}

#[test]
fn the_section_needs_servers() {
    let found = faults("[cluster]\nnode = \"a\"\n");
    assert!(found.contains("`cluster.nats_urls`: is missing"), "{found}");
}

#[cfg(feature = "nats")]
#[test]
fn one_copy_needs_a_word() {
    let text = format!("{SOUND}replicas = 1\nallow_weak_durability = true\n");
    assert_eq!(load(&text).expect("valid").cluster.replicas, 1);
}

#[cfg(feature = "nats")]
#[test]
fn streams_and_scheduled_backups_are_of_single_instances() {
    let text = format!(
        "{SOUND}[backup]\ndir = \"/mnt/b\"\n[[stream]]\nname = \"s\"\n\
         urls = [\"nats://127.0.0.1:1\"]\nstream = \"S\"\nformat = \"ndjson\"\naccount = \"1\"\n"
    );
    let found = faults(&text);
    assert!(
        found.contains("`stream[0]`: cannot be read by a node"),
        "{found}"
    );
    assert!(
        found.contains("`backup.dir`: cannot be set with `[cluster]`"),
        "{found}"
    );
}
