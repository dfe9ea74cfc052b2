//! The example is complete; every fault is found, with its key and its place.

use super::*;

const EXAMPLE: &str = include_str!("../../../../chatmetric.example.toml");

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let environment = environment
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::from_parts(text, environment, &Overrides::default())
}

fn faults(text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    match load(text, environment) {
        Err(ConfigError::Faults(faults)) => faults.iter().map(ToString::to_string).collect(),
        other => vec![format!("{other:?}")],
    }
}

#[test]
fn the_example_gives_the_defaults_and_names_every_key() {
    assert_eq!(load(EXAMPLE, &[]).expect("valid"), Settings::default());
    // Keys without a default stand in a comment, as `# key = value`.
    let shown: String = EXAMPLE
        .lines()
        .map(|line| line.trim_start_matches("# ").to_owned() + "\n")
        .collect();
    let mut section = String::new();
    let mut names = Vec::new();
    for line in shown.lines() {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            name.clone_into(&mut section);
        } else if let Some((name, _)) = line.split_once(" = ")
            && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        {
            names.push(format!("{section}.{name}"));
        }
    }
    let declared: Vec<String> = keys::dotted_names().collect();
    let (streams, others): (Vec<String>, Vec<String>) = names
        .into_iter()
        .partition(|name| name.starts_with("[stream]."));
    assert_eq!(others, declared);
    let of_streams = streams::names().map(|name| format!("[stream].{name}"));
    assert_eq!(streams, of_streams.collect::<Vec<_>>());
}

#[test]
fn an_empty_file_gives_the_defaults() {
    assert_eq!(load("", &[]).expect("valid"), Settings::default());
}

#[test]
fn the_environment_wins_over_the_file_and_flags_over_both() {
    let text = "[server]\nlisten = \"127.0.0.1:1\"\n[limits]\nrows_max = 7\n";
    let environment = [
        ("CHATMETRIC_SERVER_LISTEN", "127.0.0.1:2"),
        (
            "CHATMETRIC_SERVER_PUBLIC_HOSTS",
            "a.example, b.example:8443",
        ),
        ("CHATMETRIC_MASTER_KEY_FILE", "/somewhere"),
        ("CHATMETRIC_ENDPOINT", "http://x"),
    ];
    let settings = load(text, &environment).expect("valid");
    assert_eq!(settings.server.listen.port(), 2);
    assert_eq!(settings.limits.rows_max, 7);
    assert_eq!(
        settings.server.public_hosts,
        ["a.example", "b.example:8443"]
    );

    let overrides = Overrides {
        listen: Some("127.0.0.1:3".parse().expect("address")),
        ..Overrides::default()
    };
    let environment = environment.map(|(a, b)| (a.to_owned(), b.to_owned()));
    let settings = Settings::from_parts(text, environment, &overrides).expect("valid");
    assert_eq!(settings.server.listen.port(), 3);
}

#[test]
fn every_key_can_be_set_by_its_variable() {
    for (dotted, variable) in keys::dotted_names().zip(keys::variable_names()) {
        let found = faults("", &[(&variable, "\u{1}")]);
        let read = found.iter().any(|fault| fault.contains(&dotted));
        // Free texts accept anything.
        let free =
            ["store.data_dir", "server.public_hosts", "backup.dir"].contains(&dotted.as_str());
        assert!(read || free, "{variable}: {found:?}");
    }
}

#[test]
fn all_faults_are_reported_at_once_with_key_and_place() {
    let text = "[server]\nlisten = \"nowhere\"\nlisten_port = 1\nmax_connections = \"many\"\n\
                [store]\n  sync = \"never\"\nretention_days = 50\n[sorver]\nx = 1\n";
    let found = faults(
        text,
        &[
            ("CHATMETRIC_LIMITS_ROWS_MAX", "-1"),
            ("CHATMETRIC_LIMITS_ROW_MAX", "1"),
        ],
    );
    expect_test::expect![[r#"
        line 2, column 10: `server.listen`: `nowhere` is not an address such as `127.0.0.1:8080`
        line 3, column 1: `server.listen_port`: unknown key `listen_port`; known are listen, insecure_http, tls_cert_file, tls_key_file, public_hosts, trusted_proxies, max_connections
        line 4, column 19: `server.max_connections`: must be an integer, not a string
        line 8, column 2: `sorver`: unknown section `sorver`; known are server, store, limits, telemetry, console, backup, watch, cluster, stream
        line 6, column 10: `store.sync`: `never` is not `always`, the only mode
        `limits.rows_max`: `-1` is not a whole number in the allowed range (from `CHATMETRIC_LIMITS_ROWS_MAX`)
        `CHATMETRIC_LIMITS_ROW_MAX`: unknown variable `CHATMETRIC_LIMITS_ROW_MAX`
        line 7, column 18: `store.retention_days`: must be at least 76 (`message_horizon_days` + 31), or left out to keep everything"#]]
    .assert_eq(&found.join("\n"));
}

#[test]
fn broken_syntax_has_line_and_column() {
    let found = faults("[server]\nlisten = = 3\n", &[]);
    assert!(
        found
            .iter()
            .any(|fault| fault.starts_with("line 2, column 10: `chatmetric.toml`")),
        "{found:?}"
    );
}

#[test]
fn of_very_many_faults_the_first_are_told() {
    let told = |lines: usize| {
        let text = "no toml\n".repeat(lines);
        let settings = Settings::from_parts(&text, [], &Overrides::default());
        settings.expect_err("no configuration").to_string()
    };
    let few = told(3);
    assert!(
        few.contains("line 3, column") && !few.contains(" more"),
        "{few}"
    );
    let many = told(5_000);
    assert_eq!(many.lines().count(), 1 + FAULTS_TOLD_MAX + 1, "{many}");
    assert!(
        many.starts_with("the configuration has ") && many.ends_with(" more"),
        "{many}"
    );
}

#[test]
fn a_filter_of_the_log_has_levels_and_targets_alone() {
    let log = |filter: &str| load(&format!("[telemetry]\nlog = \"{filter}\"\n"), &[]);
    for told in ["info", "", "warn, chatmetric=debug ,", "hyper::proto=off,2"] {
        log(told).unwrap_or_else(|error| panic!("`{told}`: {error}"));
    }
    // The last three ended or hung the parser of a larger language.
    for told in [
        "chatmetric=loud",
        "chatmetric = info",
        "a=b=c",
        "chatmetric[rpc]=debug",
        "info, [köln]=debug",
        "[s={a =b}]=info,[s={a =b}]=debug",
        "[{number=........................................}]=debug",
    ] {
        let error = log(told).expect_err(told).to_string();
        assert!(error.contains("is not a filter such as"), "{error}");
    }
}

#[test]
fn spaces_around_a_target_are_no_part_of_it() {
    let filter = crate::telemetry::log_filter("warn, chatmetric=debug ").expect("a filter");
    assert_eq!(filter.to_string(), "chatmetric=debug,warn");
}

#[test]
fn a_public_address_needs_a_word() {
    let found = faults("[server]\nlisten = \"0.0.0.0:80\"\n", &[]);
    assert!(
        found.len() == 1 && found[0].contains("`--insecure-http`"),
        "{found:?}"
    );
    assert!(
        load(
            "[server]\nlisten = \"0.0.0.0:80\"\ninsecure_http = true\n",
            &[]
        )
        .is_ok()
    );
    assert!(load("[server]\nlisten = \"[::1]:80\"\n", &[]).is_ok());
}

#[test]
fn a_receiver_of_traces_is_an_address_of_a_program_with_traces() {
    let found = faults("[telemetry]\notlp_endpoint = \"x y\"\n", &[]);
    let said = if cfg!(feature = "otlp") {
        "is not an address of an OTLP receiver"
    } else {
        "built without traces"
    };
    assert!(found.len() == 1 && found[0].contains(said), "{found:?}");
}

#[test]
fn half_of_tls_is_a_fault_of_the_other_half() {
    let found = faults(
        "[server]\nlisten = \"0.0.0.0:80\"\ntls_cert_file = \"a\"\n",
        &[],
    );
    expect_test::expect![
        "`server.tls_key_file`: is missing: `server.tls_cert_file` is set, and TLS needs both"
    ]
    .assert_eq(&found.join("\n"));
    let found = faults("", &[("CHATMETRIC_SERVER_TLS_KEY_FILE", "b")]);
    expect_test::expect![
        "`server.tls_cert_file`: is missing: `server.tls_key_file` is set, and TLS needs both"
    ]
    .assert_eq(&found.join("\n"));
}

#[test]
fn files_of_tls_that_are_not_there_are_both_named() {
    let text = "[server]\ntls_cert_file = \"/nonexistent/a\"\ntls_key_file = \"/nonexistent/b\"\n";
    expect_test::expect![[r#"
        line 2, column 17: `server.tls_cert_file`: could not read `/nonexistent/a`: No such file or directory (os error 2)
        line 3, column 16: `server.tls_key_file`: could not read `/nonexistent/b`: No such file or directory (os error 2)"#]]
    .assert_eq(&faults(text, &[]).join("\n"));
}
