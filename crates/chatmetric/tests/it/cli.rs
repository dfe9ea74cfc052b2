//! The command line: help, outputs, exit codes, keys, the lock, the first start.

use crate::process::{DIRECTORY, Ran, Served, command, data_dir, run, run_with_input, testdata};
use expect_test::{Expect, expect};
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

fn check(ran: &Ran, code: i32, expected: &Expect) {
    assert_eq!(ran.code, code, "{ran:?}");
    // Blanks at the ends of lines do not survive a formatter.
    let lines: String = ran
        .stdout
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    expected.assert_eq(&lines);
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path)
        .expect("is there")
        .permissions()
        .mode()
        & 0o7777
}

#[test]
fn every_command_explains_itself_with_an_example() {
    for words in [
        vec!["serve"],
        vec!["apply"],
        vec!["directory", "export"],
        vec!["directory", "log"],
        vec!["query"],
        vec!["reconcile"],
        vec!["import"],
        vec!["verify"],
        vec!["demo"],
        vec!["completions"],
        vec!["sign", "explain"],
        vec!["conformance"],
    ] {
        let mut arguments = words.clone();
        arguments.push("--help");
        let ran = run(&arguments);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.stdout.contains("Example"), "{words:?}: {}", ran.stdout);
        assert!(!ran.stdout.contains('\u{1b}'), "colours in a pipe");
        assert_eq!(ran.stderr, "");
    }
    let ran = run(&["--help"]);
    for command in [
        "demo",
        "serve",
        "apply",
        "directory",
        "query",
        "import",
        "verify",
        "sign",
        "conformance",
    ] {
        assert!(ran.stdout.contains(command), "{}", ran.stdout);
    }
}

#[test]
fn the_version_names_the_time_zones() {
    let ran = run(&["--version"]);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let [program, zones] = lines[..] else {
        panic!("{ran:?}");
    };
    assert_eq!(program, format!("chatmetric {}", env!("CARGO_PKG_VERSION")));
    let zones = zones.strip_prefix("time zones: IANA 20").expect("a year");
    assert!(zones.len() == 3 && zones.ends_with(|c: char| c.is_ascii_lowercase()));
    assert_eq!(run(&["-V"]).stdout, format!("{program}\n"));
    let (_folder, data_dir) = data_dir();
    let (_, log) = Served::start(&data_dir).stop();
    assert!(log.contains(&format!("time_zones=\"20{zones}\"")), "{log}");
}

#[test]
fn the_first_help_fits_a_screen() {
    check(
        &run(&["--help"]),
        0,
        &expect![[r#"
            Exact message counts of WhatsApp numbers, served as GetChatappPhoneNumberMetric

            Usage: chatmetric [OPTIONS] <COMMAND>

            Commands:
              demo         A throw-away instance with 35 days of realistic traffic, then
                           live traffic
              serve        Run the server
              apply        Bring the directory (accounts, keys, spaces, numbers, webhooks)
                           to what a document says
              directory    Look at the directory
              query        Ask the API for message counts, signed as any SDK would
              explain      Tell what made a count: its sources, and what came later
              reconcile    Compare our counts with the provider's own
              account      Accounts of customers, and the keys of their owners
              space        Customer spaces
              grant        Grants of ISVs
              number       Numbers of spaces
              webhook      Webhooks
              alerts       What the server noticed by itself: delivery rates, silent
                           sources, the disk
              usage        What every customer counted, for invoices
              import       Load events from files
              export       Write the counts of a space to a file
              verify       Check every checksum and recompute the counts from the records
              cluster      Look after a cluster of nodes
              migrate      Move the counts of a stopped instance into a new cluster
              backup       Make a backup of an instance, while its server runs or not
              restore      Make an instance from a backup
              sign         Look at signatures
              conformance  Run the compatibility cases at any endpoint
              admin        The operator's rescue commands
              erase        Take out what is kept of a message or a recipient
              policy       Try policies out
              doctor       Look whether the machine and the configuration are fit
              man          Write manual pages
              completions  Print a completion script for a shell
              help         Print this message or the help of the given subcommand(s)

            Options:
              -h, --help     Print help
              -V, --version  Print version

            Global options:
                  --color <WHEN>  Colours: auto (on a terminal, unless NO_COLOR is set),
                                  always or never
              -q, --quiet         Print only data and errors
              -v, --verbose...    Print more (twice: even more)

            Start here:
              chatmetric demo          a throw-away instance with 35 days of traffic
              chatmetric serve         the server, data in ./chatmetric-data
        "#]],
    );
    check(
        &run(&["demo", "--help"]),
        0,
        &expect![[r#"
        A throw-away instance with 35 days of realistic traffic, then live traffic

        Usage: chatmetric demo [OPTIONS]

        Options:
              --listen <ADDR>   Where to listen [default: 127.0.0.1:8080, or a free port
                                when it is taken]
              --data-dir <DIR>  Keep the data in this directory, which must be empty
                                [default: a temporary one]
              --events <N>      About how many events to replay [default: 1000000]
              --no-live         Stop after the replay and the comparison
          -h, --help            Print help

        Global options:
              --color <WHEN>  Colours: auto (on a terminal, unless NO_COLOR is set),
                              always or never
          -q, --quiet         Print only data and errors
          -v, --verbose...    Print more (twice: even more)

        Examples:
          chatmetric demo
          chatmetric demo --listen 127.0.0.1:9090 --data-dir ./demo-data
    "#]],
    );
    check(
        &run(&["import", "--help"]),
        0,
        &expect![[r#"
            Load events from files

            Usage: chatmetric import [OPTIONS] --space <ID> <FILE>...

            Arguments:
              <FILE>...
                      The files; `-` is stdin

            Options:
                  --space <ID>
                      The CustSpaceId of the space that the events belong to

                  --format <FORMAT>
                      What the files hold

                      Possible values:
                      - auto:     By the content of each file
                      - ndjson:   One JSON object a line
                      - csv:      Comma-separated values with a header
                      - whatsapp: WhatsApp webhook bodies
                      - cams:     CAMS receipts
                      - parquet:  Parquet with the columns of the CSV

                      [default: auto]

                  --data-dir <DIR>
                      The data directory

                      [env: CHATMETRIC_STORE_DATA_DIR=]
                      [default: ./chatmetric-data]

                  --master-key-file <FILE>
                      The file with the master key [default: `<data-dir>.key`]

                      [env: CHATMETRIC_MASTER_KEY_FILE=]

                  --endpoint <URL>
                      The address of a server elsewhere, instead of a data directory

                  --token-file <FILE>
                      The file with a token for `--endpoint` (`chatmetric admin
                      operator-token`)

                      [env: CHATMETRIC_OPERATOR_TOKEN_FILE=]

                  --ca-file <PATH>
                      The certificates of the CA that issued the server's certificate (PEM)

                      [env: CHATMETRIC_CA_FILE=]

                  --strict
                      Stop at the first bad line

                  --from-start
                      Load all of a file, also if an import of it was interrupted

              -h, --help
                      Print help (see a summary with '-h')

            Global options:
                  --color <WHEN>
                      Colours: auto (on a terminal, unless NO_COLOR is set), always or never

              -q, --quiet
                      Print only data and errors

              -v, --verbose...
                      Print more (twice: even more)

            NDJSON: {"number","message_id","status","ts","channel"?} a line.
            CSV: a header with number,message_id,status,timestamp in any order.
            whatsapp: one webhook body a line, or a JSON array of them.
            cams: CAMS receipts, an object or an array of them a line.
            All of them may be compressed with gzip or zstd. Parquet: the columns of the
            CSV.
            Times are seconds, milliseconds or RFC 3339.

            Loading a file twice changes nothing. An import that was interrupted goes on
            where it was
            when it is started again, as long as the file is the same.
            History older than 45 days must be loaded before the first `serve`.

            Examples:
              chatmetric import events.ndjson --space 293483938849493
              chatmetric import 2025-*.csv.zst --space 293483938849493
              chatmetric import events.parquet --space 293483938849493 --endpoint
              https://metrics.example \
                  --token-file token.txt
        "#]],
    );
}

#[test]
fn usage_errors_exit_with_2_and_print_no_data() {
    for arguments in [
        vec![],
        vec!["nothing"],
        vec!["query"],
        vec!["query", "--start", "yesterday", "--end", "now"],
        vec!["query", "--start", "now", "--end", "-1d"],
        vec![
            "query",
            "--start",
            "-1d",
            "--end",
            "now",
            "--endpoint",
            "ftp://x",
        ],
        vec!["query", "--start", "-1d", "--end", "now"],
        vec!["query", "--start", "-1d", "--end", "now", "--profile", "p"],
        vec!["apply", "-f", "/nonexistent.toml"],
        vec!["verify", "--data-dir", "/nonexistent"],
        vec!["directory", "export", "--data-dir", "/nonexistent"],
        vec!["directory", "log", "--data-dir", "/nonexistent"],
        vec!["directory", "log", "--limit", "0"],
        vec!["directory", "log", "--limit", "10001"],
        vec![
            "serve",
            "--listen",
            "0.0.0.0:0",
            "--data-dir",
            "/nonexistent",
        ],
        vec!["serve", "--config", "/nonexistent.toml"],
    ] {
        let ran = run(&arguments);
        assert_eq!(ran.code, 2, "{arguments:?}: {ran:?}");
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert!(!ran.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = run(&["completions", shell]);
        assert_eq!(ran.code, 0, "{ran:?}");
        for word in ["serve", "import", "no-live"] {
            assert!(ran.stdout.contains(word), "{shell} lacks {word}");
        }
    }
}

#[test]
fn a_document_is_applied_once_and_exported_again() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let data_dir = folder.path().join("data").display().to_string();
    let apply = |more: &[&str]| {
        let mut arguments = vec!["apply", "-f", "-", "--data-dir", data_dir.as_str()];
        arguments.extend(more);
        run_with_input(&arguments, DIRECTORY.as_bytes())
    };
    let missing = apply(&["--dry-run"]);
    assert_eq!(missing.code, 2, "a dry run makes nothing: {missing:?}");
    assert!(!Path::new(&data_dir).exists());
    let first = apply(&[]);
    assert_eq!(first.code, 0, "{first:?}");
    assert!(
        first.stdout.lines().all(|line| line.starts_with('+')),
        "{}",
        first.stdout
    );
    assert!(!first.stdout.contains("owner-secret"), "{}", first.stdout);
    check(&apply(&[]), 0, &expect![[""]]);
    let export = run(&["directory", "export", "--data-dir", &data_dir]);
    assert_eq!(export.code, 0, "{export:?}");
    assert!(export.stdout.contains("Asia/Kolkata"), "{}", export.stdout);
    assert!(!export.stdout.contains("owner-secret"), "{}", export.stdout);
    let arguments = [
        "directory",
        "export",
        "--with-secrets",
        "-o",
        "json",
        "--data-dir",
    ];
    let copy = run(&[&arguments[..], &[&data_dir]].concat());
    assert!(copy.stdout.contains("owner-secret"), "{}", copy.stdout);
    // What was exported makes the same directory elsewhere, and nothing here.
    let again = run_with_input(
        &["apply", "-f", "-", "--data-dir", &data_dir],
        copy.stdout.as_bytes(),
    );
    assert_eq!((again.code, again.stdout.as_str()), (0, ""), "{again:?}");
    assert_eq!(mode(Path::new(&data_dir)), 0o700);
    assert_eq!(mode(&folder.path().join("data.key")), 0o600);
}

#[test]
fn the_log_tells_who_changed_what() {
    let (_folder, data_dir) = data_dir();
    let log = |more: &[&str]| {
        let mut arguments = vec!["directory", "log", "--data-dir", data_dir.as_str()];
        arguments.extend(more);
        run(&arguments)
    };
    let entries = |ran: &Ran| -> Vec<serde_json::Value> {
        assert_eq!(ran.code, 0, "{ran:?}");
        serde_json::from_str(&ran.stdout).expect("JSON")
    };
    let stopped = log(&[]);
    let targets: Vec<_> = entries(&stopped)
        .iter()
        .map(|entry| entry["target"].as_str().expect("text").to_owned())
        .collect();
    assert_eq!(
        targets,
        [
            "webhook/acme-wa",
            "space/space-a",
            "access-key/LTAIowner",
            "account"
        ]
    );
    let first = entries(&stopped).pop().expect("four");
    assert_eq!(first["actor"], "apply");
    assert_eq!(first["after"]["name"], "acme");
    assert_eq!(first["before"], serde_json::Value::Null);
    assert!(
        first["at"].as_str().expect("text").ends_with('Z'),
        "{first}"
    );
    assert!(!stopped.stdout.contains("secret-one"), "{}", stopped.stdout);
    assert!(
        !stopped.stdout.contains("owner-secret"),
        "{}",
        stopped.stdout
    );

    // The running server gives the same, and what was changed through it.
    let served = Served::start(&data_dir);
    assert_eq!(entries(&log(&[])), entries(&stopped));
    let renamed = run_with_input(
        &["apply", "-f", "-", "--data-dir", &data_dir],
        b"[[account]]\nid = \"1000000000000001\"\nname = \"=acme\"\n",
    );
    assert_eq!(renamed.code, 0, "{renamed:?}");
    let newest = entries(&log(&["--limit", "1"]));
    assert_eq!(newest.len(), 1);
    assert_eq!(newest[0]["after"]["name"], "=acme");
    let older = log(&["--before", &newest[0]["id"].to_string()]);
    assert_eq!(entries(&older), entries(&stopped));
    assert_eq!(entries(&log(&["--account", "5"])).len(), 0);
    let odd = log(&["--account", "x"]);
    assert_eq!(odd.code, 2, "{odd:?}");
    assert!(odd.stderr.contains("decimal digits"), "{}", odd.stderr);
    assert_eq!(served.stop().0.code(), Some(0));

    let lines = log(&["-o", "ndjson"]);
    assert_eq!(lines.stdout.lines().count(), 5, "{}", lines.stdout);
    let csv = log(&["-o", "csv"]);
    assert!(
        csv.stdout.starts_with("id,at,account,actor,"),
        "{}",
        csv.stdout
    );
    assert_eq!(csv.stdout.lines().count(), 6, "{}", csv.stdout);
    let table = log(&["-o", "table"]);
    assert!(table.stdout.contains("webhook/acme-wa"), "{}", table.stdout);
    let nothing = log(&["-o", "table", "--account", "5"]);
    assert_eq!(nothing.stdout, "nothing was changed\n");
}

#[test]
fn faults_of_a_document_have_their_place() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let data_dir = folder.path().join("data").display().to_string();
    let text = "[[account]]\nid = \"1000000000000001\"\nnmae = \"acme\"\n";
    let ran = run_with_input(
        &["apply", "-f", "-", "--data-dir", &data_dir],
        text.as_bytes(),
    );
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("line 3, column 1"), "{}", ran.stderr);
    assert!(
        !Path::new(&data_dir).exists(),
        "a bad document makes nothing"
    );
}

#[test]
fn generated_keys_are_printed_once() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let data_dir = folder.path().join("data").display().to_string();
    let text = "[[account]]\nid = \"1000000000000001\"\nname = \"acme\"\n[[account.access_key]]\n";
    let apply = || {
        run_with_input(
            &["apply", "-f", "-", "--data-dir", &data_dir],
            text.as_bytes(),
        )
    };
    let first = apply();
    assert!(
        first.stdout.contains("shown once:\n  id      LTAI"),
        "{}",
        first.stdout
    );
    let secret = first
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix("  secret  "));
    let secret = secret.expect("a secret").to_owned();
    let second = apply();
    assert_eq!((second.code, second.stdout.as_str()), (0, ""), "{second:?}");
    for entry in std::fs::read_dir(&data_dir).expect("lists").flatten() {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        let found = bytes
            .windows(secret.len())
            .any(|part| part == secret.as_bytes());
        assert!(!found, "{} holds the secret", entry.path().display());
    }
}

#[test]
fn a_first_start_writes_its_keys_where_only_the_owner_reads() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let data_dir = folder.path().join("data").display().to_string();
    let served = Served::start(&data_dir);
    let path = folder.path().join("data/first-start.toml");
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&folder.path().join("data/control.sock")), 0o600);
    let text = std::fs::read_to_string(&path).expect("reads");
    let value = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{name} = \"")));
        line.expect("the key").trim_end_matches('"').to_owned()
    };
    let queried = command(&["query", "--start", "-1d", "--end", "now"])
        .env("CHATMETRIC_ENDPOINT", &served.url)
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", value("access_key_id"))
        .env(
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
            value("access_key_secret"),
        )
        .output()
        .map(Ran::from)
        .expect("runs");
    assert_eq!(
        (queried.code, queried.stdout.as_str()),
        (0, "[]\n"),
        "{queried:?}"
    );
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
    assert!(log.contains("first-start.toml"), "{log}");
    assert!(
        !log.contains(&value("access_key_secret")),
        "a secret in a log: {log}"
    );
    assert!(!folder.path().join("data/control.sock").exists());
    // The second start makes nothing.
    let (_, log) = Served::start(&data_dir).stop();
    assert!(!log.contains("first start"), "{log}");
}

#[test]
fn a_file_has_the_password_of_the_first_user_once() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let data_dir = folder.path().join("data").display().to_string();
    let file = folder.path().join("password");
    let start = |password: &str| {
        std::fs::write(&file, password).expect("written");
        let mut program = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data_dir]);
        program.env("CHATMETRIC_ADMIN_PASSWORD_FILE", &file);
        program
    };
    let short = start("too short\n").output().map(Ran::from).expect("runs");
    assert_eq!(short.code, 1, "{short:?}");
    assert!(
        short
            .stderr
            .contains("12 to 256 characters, this one has 9"),
        "{short:?}"
    );
    let signs_in = |served: &Served, password: &str| {
        let body = json!({ "user": "admin", "password": password }).to_string();
        let sent = ureq::post(format!("{}/console/api/sign-in", served.url))
            .config()
            .http_status_as_error(false)
            .build()
            .header("x-chatmetric", "1")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/json")
            .send(&body);
        sent.expect("an answer").status().as_u16()
    };
    let served = Served::start_command(start("a password of a file\n"));
    assert_eq!(signs_in(&served, "a password of a file"), 204);
    // Nothing is left to set up.
    let state = ureq::get(format!("{}/console/api/session", served.url))
        .header("x-chatmetric", "1")
        .call();
    let state = state.expect("an answer").body_mut().read_to_string();
    assert_eq!(state.expect("text"), r#"{"state":"signedOut"}"#);
    let (_, log) = served.stop();
    assert!(!log.contains("a password of a file"), "{log}");
    // A directory that a document made has no account that is the operator's.
    let (_applied, other) = crate::process::data_dir();
    let refused = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &other])
        .env("CHATMETRIC_ADMIN_PASSWORD_FILE", &file)
        .output()
        .map(Ran::from)
        .expect("runs");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused
            .stderr
            .contains("`chatmetric admin setup-token USER`"),
        "{refused:?}"
    );
    // Another file later is not another password.
    let served = Served::start_command(start("a password of another file"));
    assert_eq!(signs_in(&served, "a password of another file"), 401);
    assert_eq!(signs_in(&served, "a password of a file"), 204);
    served.stop();
}

#[test]
fn a_second_process_is_refused_and_told_the_pid() {
    let (_folder, data_dir) = data_dir();
    let served = Served::start(&data_dir);
    let ran = run(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data_dir]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let pid = format!("in use by process {}", served.pid());
    assert!(ran.stderr.contains(&pid), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    // Commands go through the server instead.
    let export = run(&["directory", "export", "--data-dir", &data_dir]);
    assert_eq!(export.code, 0, "{export:?}");
    // A taken port is told apart.
    let (_other, other_dir) = crate::process::data_dir();
    let address = served.url.trim_start_matches("http://");
    let ran = run(&["serve", "--listen", address, "--data-dir", &other_dir]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr.contains("another program listens on port"),
        "{}",
        ran.stderr
    );
    // A killed process leaves no lock behind.
    served.kill();
    let ran = run(&["verify", "--data-dir", &data_dir]);
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_wrong_or_missing_master_key_changes_nothing() {
    let (folder, data_dir) = data_dir();
    let (other, _) = crate::process::data_dir();
    let directory = folder.path().join("data/directory.sqlite");
    let before = std::fs::read(&directory).expect("reads");
    let other_key = other.path().join("data.key").display().to_string();
    for arguments in [
        vec![
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--master-key-file",
            &other_key,
        ],
        vec!["verify", "--master-key-file", &other_key],
        vec!["verify", "--master-key-file", "/nonexistent"],
    ] {
        let ran = run(&[&arguments[..], &["--data-dir", &data_dir]].concat());
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("master key"), "{}", ran.stderr);
    }
    let key = folder.path().join("data.key");
    let hidden = folder.path().join("hidden.key");
    std::fs::rename(&key, &hidden).expect("renames");
    let ran = run(&["verify", "--data-dir", &data_dir]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(!key.exists(), "no new key may be made for old data");
    std::fs::rename(&hidden, &key).expect("renames");
    assert_eq!(std::fs::read(&directory).expect("reads"), before);
    assert_eq!(run(&["verify", "--data-dir", &data_dir]).code, 0);
}

#[test]
fn query_prints_what_the_api_says() {
    let (_folder, data_dir) = data_dir();
    let csv = testdata("bulk_events.csv");
    let loaded = run(&[
        "import",
        &csv,
        "--space",
        "space-a",
        "--data-dir",
        &data_dir,
    ]);
    assert_eq!(loaded.code, 0, "{loaded:?}");
    let served = Served::start(&data_dir);
    let query = |secret: &str, more: &[&str]| {
        let mut arguments = vec!["query", "--start", "2025-12-31", "--end", "2026-01-02"];
        arguments.extend(more);
        let output = command(&arguments)
            .env("CHATMETRIC_ENDPOINT", &served.url)
            .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIowner")
            .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret)
            .output();
        Ran::from(output.expect("runs"))
    };
    let secret = "owner-secret";
    check(
        &query(secret, &["-o", "csv"]),
        0,
        &expect![[r#"
            Start,End,PhoneNumber,Granularity,SentCount,DeliveredCount
            1767205800000,1767292200000,15550100101,DAILY,2,2
        "#]],
    );
    check(
        &query(secret, &["-o", "ndjson", "--granularity", "half-hour"]),
        0,
        &expect![[r#"
            {"Start":1767223800000,"End":1767225600000,"PhoneNumber":"15550100101","Granularity":"HALF_HOUR","SentCount":1,"DeliveredCount":0}
            {"Start":1767225600000,"End":1767227400000,"PhoneNumber":"15550100101","Granularity":"HALF_HOUR","SentCount":1,"DeliveredCount":2}
        "#]],
    );
    check(
        &query(secret, &["-o", "table", "--time-zone", "Asia/Kolkata"]),
        0,
        &expect![[r#"
            START             END               NUMBER       SENT  DELIVERED     RATE
            2026-01-01 00:00  2026-01-02 00:00  15550100101     2          2  100.0 %
            ─────────────────────────────────────────────────────────────────────────
            total                                               2          2  100.0 %
            times in Asia/Kolkata
        "#]],
    );
    // The same number in two spellings is one number.
    let twice = query(
        secret,
        &[
            "-o",
            "csv",
            "--number",
            "+1 555-010-0101",
            "--number",
            "15550100101",
        ],
    );
    assert_eq!(twice.stdout.lines().count(), 2, "{twice:?}");
    let chart = query(secret, &["-o", "chart"]);
    assert!(
        chart.stdout.contains("█ delivered 2   ░ sent 2"),
        "{}",
        chart.stdout
    );
    for (secret, more, code, hint) in [
        (
            "wrong",
            vec![],
            "SignatureDoesNotMatch",
            "the AccessKey secret is not the one",
        ),
        (
            secret,
            vec!["--space", "nobody"],
            "Unknown.ResourceOwnerId",
            "`--space`",
        ),
        (
            secret,
            vec!["--number", "999"],
            "Unknown.ResourceOwnerId",
            "`--number`",
        ),
        (
            secret,
            vec!["--isv-code", "none"],
            "Ram.PermissionDeny",
            "IsvCode",
        ),
    ] {
        let ran = query(secret, &more);
        assert_eq!((ran.code, ran.stdout.as_str()), (1, ""), "{ran:?}");
        for part in [code, hint, "RequestId "] {
            assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
        }
    }
    let (status, log) = served.stop();
    assert!(status.success(), "{log}");
}

#[test]
fn nobody_there_is_told_with_a_hint() {
    let output = command(&["query", "--start", "-1d", "--end", "now"])
        .env("CHATMETRIC_ENDPOINT", "http://127.0.0.1:1")
        .env("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIowner")
        .env("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "owner-secret")
        .output();
    let ran = Ran::from(output.expect("runs"));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr.contains("could not reach `http://127.0.0.1:1`"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("hint: is the server running?"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_reader_who_leaves_ends_the_program_quietly() {
    use std::process::Stdio;
    let mut child = command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    drop(child.stdout.take());
    let ran = Ran::from(child.wait_with_output().expect("ends"));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}

#[test]
fn a_deep_data_directory_has_a_control_socket_too() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let deep = folder
        .path()
        .join("d".repeat(60))
        .join("e".repeat(60))
        .display()
        .to_string();
    std::fs::create_dir_all(Path::new(&deep).parent().expect("a parent")).expect("makes");
    let ran = run_with_input(
        &["apply", "-f", "-", "--data-dir", &deep],
        DIRECTORY.as_bytes(),
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let served = Served::start(&deep);
    let document = DIRECTORY.replace("id = \"space-a\"", "id = \"space-a\"\nnumbers = [\"1555\"]");
    let ran = run_with_input(
        &["apply", "-f", "-", "--data-dir", &deep],
        document.as_bytes(),
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("1555"), "{}", ran.stdout);
    drop(served);
}
