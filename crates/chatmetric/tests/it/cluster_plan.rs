//! `chatmetric cluster plan`: what it prints, and what it refuses.

use crate::process::{Ran, run};
use expect_test::{Expect, expect};
use serde_json::Value;

fn plan(arguments: &[&str]) -> Ran {
    let mut all = vec!["cluster", "plan"];
    all.extend(arguments);
    run(&all)
}

fn check(arguments: &[&str], code: i32, stdout: &Expect, stderr: &Expect) {
    let ran = plan(arguments);
    assert_eq!(ran.code, code, "{ran:?}");
    // Blanks at the ends of lines do not survive a formatter.
    let lines = ran
        .stdout
        .lines()
        .map(|line| format!("{}\n", line.trim_end()));
    stdout.assert_eq(&lines.collect::<String>());
    stderr.assert_eq(&ran.stderr);
}

#[test]
fn a_plan_says_how_many_what_bounds_it_and_what_is_assumed() {
    check(
        &["--messages-per-day", "1e9"],
        0,
        &expect![[r#"
            1,000,000,000 messages a day: 30,324 events/s on average, 90,972 at the peak in 3,032 entries/s

            6 machines of 8 cores and 128 GB: 3 nodes of chatmetric, 3 nats-servers
            bound by random reads of a node, one gone, 86 % of what may be used

              cluster.partitions = 16      cannot be changed later: plan for the day that it has to bear in the end
              store.memory_bytes_max = 65320000000  on each node

            THE BUSIEST AT THE PEAK                   NEEDS        MAY USE
            cores of a node                             3.0            4.8  62 %
            cores of a node, one gone                   3.3            6.8  48 %
            memory of a node                          12 GB          77 GB  15 %
            disk of a node, one gone                 3.6 TB         6.8 TB  53 %
            random reads of a node, one gone      292,596/s      340,000/s  86 %
            network of a node                       36 MB/s       750 MB/s   5 %
            cores of a nats-server                      1.5            4.8  32 %
            disk of a nats-server                    7.0 TB       no limit
            network of a nats-server               240 MB/s       750 MB/s  32 %
            counting one partition                     23 %           60 %  39 %
            a round of snapshots                      4.9 h         96.0 h   5 %
            log of one partition              241 entries/s  900 entries/s  27 %

            busy cores of all machines: ingest 0.6, log 4.6, tally 4.7, api 0.0, snapshots 1.2
            a new message has the disk asked 8.43 times, because of what filters in memory let through
            when the fullest node goes, others load 3.1 TB (82 min through half of one server's network)

            FOR                       TAKEN  FLAG                  BY DEFAULT FROM
            events a message           2.62  --events-per-message  RESULTS, 100 million events of 38.2 million messages
            events an entry              30  --events-per-entry    webhooks of 20 to 40 statuses; assumed
            peak over mean                3  --peak-factor         assumed
            numbers                  10,000  --numbers             as many as in the benches; assumed
            Zipf's exponent             0.5  --zipf                assumed
            largest number     458 events/s  --largest-share       --zipf, 1,000 messages/s at most; assumed
            calls a second              100  --queries-per-second  assumed
            days of records              82  --record-days         45 to the floor, 30 more, a week
            days of log                   8  --log-days            the shortest that is allowed
            use at the peak            60 %  --use                 assumed
            use with one gone          85 %                        assumed
            reads of a disk       400,000/s  --disk-reads          an NVMe; assumed
            work and bytes              see  --costs               RESULTS, docs/internals/cluster-measurements.md
        "#]],
        &expect![[""]],
    );
}

#[test]
fn a_small_plan_is_three_machines() {
    let ran = plan(&["--messages-per-day", "1_000_000"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stdout
            .contains("3 machines of 8 cores and 128 GB: 3 nodes"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("bound by nothing"), "{ran:?}");
}

#[test]
fn what_was_asked_for_and_is_too_small_is_shown_and_fails() {
    let asked = [
        "--messages-per-day",
        "1e10",
        "--nodes",
        "4",
        "--nats-servers",
        "3",
    ];
    let ran = plan(&asked);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stdout
            .contains("7 machines of 8 cores and 128 GB: 4 nodes"),
        "{ran:?}"
    );
    expect![[r#"
        error: that is too small: cores of a node; cores of a node, one gone; memory of a node; disk of a node, one gone; random reads of a node, one gone; cores of a nats-server

        hint: leave `--nodes`, `--nats-servers` and `--partitions` out to see what is enough
    "#]].assert_eq(&ran.stderr);
}

#[test]
fn json_says_the_same_for_programs() {
    let ran = plan(&["--messages-per-day", "1e9", "--partitions", "128", "--json"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let told: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert_eq!(told["partitions"], 128);
    assert_eq!(told["fits"], true);
    assert_eq!(told["assumed"]["events_per_message"], 2.62);
    assert_eq!(told["costs"]["commit_us"]["value"], 170.0);
    let bounds = told["bounds"].as_array().expect("bounds");
    let disk = bounds
        .iter()
        .find(|it| it["what"] == "disk of a nats-server");
    assert!(disk.expect("a bound")["may_use"].is_null());
}

#[test]
fn figures_can_be_replaced_and_are_shown_with_their_sources() {
    let asked = [
        "--messages-per-day",
        "1e9",
        "--costs",
        "--cost",
        "commit_us=55",
    ];
    let ran = plan(&asked);
    let row = ran
        .stdout
        .lines()
        .find(|line| line.contains("commit_us"))
        .expect("a row");
    assert!(row.contains("55") && row.contains("RESULTS"), "{row}");
}

#[test]
fn wrong_input_names_the_flag_and_what_is_valid() {
    let day = ["--messages-per-day", "1e9"];
    let mut told = String::new();
    for wrong in [
        &["--messages-per-day", "many"][..],
        &["--messages-per-day", "0"],
        &[&day[..], &["--partitions", "2000"]].concat(),
        &[&day[..], &["--peak-factor", "0.5"]].concat(),
        &[&day[..], &["--largest-share", "1.5"]].concat(),
        &[&day[..], &["--nodes", "1"]].concat(),
        &[&day[..], &["--nodes", "40", "--partitions", "16"]].concat(),
        &[&day[..], &["--nats-servers", "2"]].concat(),
        &[&day[..], &["--cost", "commit=5"]].concat(),
        &["--messages-per-day", "1e10", "--largest-share", "0.5"],
        &["--messages-per-day", "1e9", "--server-disk", "500"],
    ] {
        let ran = plan(wrong);
        assert_eq!(ran.stdout, "", "{ran:?}");
        told.push_str(&format!(
            "{} {}\n{}\n",
            ran.code,
            wrong.join(" "),
            ran.stderr
        ));
    }
    expect![[r#"
        2 --messages-per-day many
        error: invalid value 'many' for '--messages-per-day <N>': valid are numbers from 0 on, as `1e9`, `250_000_000` or `2.5`

        For more information, try '--help'.

        2 --messages-per-day 0
        error: `--messages-per-day 0`: it must be more than 0

        2 --messages-per-day 1e9 --partitions 2000
        error: invalid value '2000' for '--partitions <N>': 2000 is not in 1..=1024

        For more information, try '--help'.

        2 --messages-per-day 1e9 --peak-factor 0.5
        error: `--peak-factor 0.5`: it must be at least 1

        2 --messages-per-day 1e9 --largest-share 1.5
        error: `--largest-share 1.5`: it must be more than 0 and at most 1

        2 --messages-per-day 1e9 --nodes 1
        error: 1 nodes cannot keep 2 copies: 2 are the fewest

        hint: `--nodes 2` or more

        2 --messages-per-day 1e9 --nodes 40 --partitions 16
        error: 40 nodes are more than 16 partitions x 2 replicas: 8 would count nothing

        hint: fewer `--nodes`, or more `--partitions`

        2 --messages-per-day 1e9 --nats-servers 2
        error: 2 nats-servers cannot keep 3 copies: 3 are the fewest

        hint: `--nats-servers 3` or more

        2 --messages-per-day 1e9 --cost commit=5
        error: invalid value 'commit=5' for '--cost <NAME=VALUE>': valid names are webhook_us, ingest_event_us, publish_entry_us, log_entry_us, log_event_us, log_read_us, read_entry_us, fold_event_us, commit_us, commit_wait_us, block_read_us, block_wait_us, query_us, query_replica_us, query_log_us, proof_records_per_s, record_bytes, filter_bytes, index_bytes, log_event_bytes, log_entry_bytes, webhook_event_bytes, replica_memory_bytes_min

        For more information, try '--help'.

        1 --messages-per-day 1e10 --largest-share 0.5
        error: one number brings 454861 events a second at the peak, and the one thread that counts its partition does 156522

        hint: a number is never split: check `--largest-share`, or spread its traffic over several numbers

        1 --messages-per-day 1e9 --server-disk 500
        error: no cluster of up to 1000 such nodes is enough: disk of a nats-server would need 6.2 TB, and may use 425 GB

        hint: more `--server-disk`, or fewer `--log-days` or `--record-days`

    "#]].assert_eq(&told);
}
