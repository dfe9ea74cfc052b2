//! Protections of what an operator does and sees, and of what clients may hold: stops,
//! signals, the service manager, the doctor, keys of a cluster, connections, heads, bombs.

use super::Mutant;

/// See the module.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "stop-in-turn",
        promise: "requests, streams, files and the store have one time together in a stop",
        file: "crates/chatmetric/src/server/mod.rs",
        find: "timeout_at(until, self.app.pipeline.drained())",
        replace: "timeout(DRAIN_TIMEOUT, self.app.pipeline.drained())",
        test: test!("chatmetric", it, "a_stop_waits_once_whatever_hangs"),
    },
    Mutant {
        id: "stop-in-time",
        promise: "a disk that hangs does not keep the program",
        file: "crates/chatmetric/src/cli/stop.rs",
        find: "() = tokio::time::sleep(STOP_TIMEOUT) =>",
        replace: "() = tokio::time::sleep(STOP_TIMEOUT * 9) =>",
        test: test!(
            "chatmetric",
            it,
            "the_program_ends_in_its_time_although_the_disk_hangs"
        ),
    },
    Mutant {
        id: "stop-twice",
        promise: "a second signal ends it at once",
        file: "crates/chatmetric/src/cli/stop.rs",
        find: "Ok(mut signals) => signals.wait_for_stop(None).await,",
        replace: "Ok(_) => std::future::pending().await,",
        test: test!("chatmetric", it, "a_second_signal_ends_it_at_once"),
    },
    Mutant {
        id: "stop-in-flight",
        promise: "a stop lets requests in flight finish",
        file: "crates/chatmetric/src/server/listener.rs",
        find: "timeout(DRAIN_TIMEOUT, graceful.shutdown())",
        replace: "timeout(DRAIN_TIMEOUT * 0, graceful.shutdown())",
        test: test!("chatmetric", it, "a_stop_lets_requests_in_flight_finish"),
    },
    Mutant {
        id: "notify-ready",
        promise: "the service manager hears that events are taken",
        file: "crates/chatmetric/src/cli/service_manager.rs",
        find: "tell(&[NotifyState::Ready, NotifyState::Status(&status)]);",
        replace: "tell(&[NotifyState::Status(&status)]);",
        test: test!(
            "chatmetric",
            it,
            "a_service_manager_hears_ready_alive_and_stopping"
        ),
    },
    Mutant {
        id: "notify-alive",
        promise: "the service manager hears that the program turns",
        file: "crates/chatmetric/src/cli/service_manager.rs",
        find: "tell(&[NotifyState::Watchdog]);",
        replace: "tell(&[]);",
        test: test!(
            "chatmetric",
            it,
            "a_service_manager_hears_ready_alive_and_stopping"
        ),
    },
    Mutant {
        id: "hang-up",
        promise: "a hang-up has the TLS files read again",
        file: "crates/chatmetric/src/cli/serve.rs",
        find: "Some(server) => server.reread_tls_files().await,",
        replace: "Some(server) => server.is_tls(),",
        test: test!("chatmetric", it, "the_program_serves_and_queries_over_tls"),
    },
    Mutant {
        id: "ready-poisoned",
        promise: "a store that stopped is not ready",
        file: "crates/chatmetric/src/server/exchange.rs",
        find: "Health::Poisoned(_) => not_ready(\"the store stopped taking events (see the log)\\n\"),",
        replace: "Health::Poisoned(_) => Answer::text(StatusCode::OK, \"ready\\n\"),",
        test: test!(
            "chatmetric",
            it,
            "a_failed_write_or_sync_ends_acknowledgements_and_nothing_else"
        ),
    },
    Mutant {
        id: "doctor-open",
        promise: "the doctor finds a data directory that others may read",
        file: "crates/chatmetric/src/cli/doctor.rs",
        find: "mode if mode & 0o077 != 0 => {",
        replace: "mode if mode & 0o002 != 0 => {",
        test: test!(
            "chatmetric",
            it,
            "a_fit_machine_is_told_from_one_that_is_not"
        ),
    },
    Mutant {
        id: "accounts-migration",
        promise: "accounts are brought forward whole, or not at all",
        file: "crates/chatmetric/src/directory/schema/mod.rs",
        find: "transaction.execute_batch(sql).map_err(database)?;",
        replace: "transaction.execute_batch(&format!(\"{sql}; COMMIT; BEGIN\")).map_err(database)?;",
        test: test!(
            "chatmetric",
            it,
            "a_migration_of_accounts_that_is_killed_at_any_call_is_repeated"
        ),
    },
    Mutant {
        id: "cluster-key",
        promise: "a key that nodes share is not rotated",
        file: "crates/chatmetric/src/cli/rotate_master_key.rs",
        find: "if of_node {",
        replace: "if of_node && false {",
        test: test!("chatmetric", it, "one_directory_on_all_nodes"),
    },
    Mutant {
        id: "diagnosis-account",
        promise: "a message of a denial is read by its account alone",
        file: "crates/chatmetric/src/api/diagnosis.rs",
        find: "tenant: account,",
        replace: "tenant: account.get(..0).unwrap_or_default(),",
        test: test!(
            "chatmetric",
            it,
            "a_diagnosis_is_for_administrators_of_the_callers_account"
        ),
    },
    Mutant {
        id: "connections-max",
        promise: "connections are bounded",
        file: "crates/chatmetric/src/server/listener.rs",
        find: "Semaphore::new(app.settings.server.max_connections)",
        replace: "Semaphore::new(app.settings.server.max_connections + 1)",
        test: test!("chatmetric", it, "more_connections_than_allowed_wait"),
    },
    Mutant {
        id: "idle-memory",
        promise: "a connection that says nothing takes little memory",
        file: "crates/chatmetric/src/server/listener.rs",
        find: "let served = match self.serve.clone() {",
        replace: "let _held = vec![1_u8; 65_536];\n        let served = match self.serve.clone() {",
        test: test!(
            "chatmetric",
            it,
            "ten_thousand_idle_connections_take_bounded_memory_and_hold_nobody_up"
        ),
    },
    Mutant {
        id: "head-size",
        promise: "heads are bounded",
        file: "crates/chatmetric/src/server/exchange.rs",
        find: "if parts.headers.len() > HEADERS_MAX || header_bytes > HEADER_BYTES_MAX {",
        replace: "if parts.headers.len() > HEADERS_MAX && header_bytes > HEADER_BYTES_MAX {",
        test: test!("chatmetric", it, "heads_that_are_too_much_or_no_http"),
    },
    Mutant {
        id: "bomb-line",
        promise: "a line that does not end takes no memory",
        file: "crates/chatmetric/src/ingest/file/line.rs",
        find: "if self.buffer.len() + part.len() > self.line_bytes_max {",
        replace: "if self.buffer.len() + part.len() > self.line_bytes_max << 12 {",
        test: test!("chatmetric", it, "bombs_take_no_memory"),
    },
    Mutant {
        id: "sbom-linked",
        promise: "what is linked is listed, and nothing else",
        file: "xtask/src/sbom.rs",
        find: ".any(|kind| kind.get(\"kind\").is_none_or(Value::is_null))",
        replace: ".any(|_| true)",
        test: &[
            "test",
            "-p",
            "xtask",
            "what_is_linked_is_told_with_its_licence_and_checksum",
        ],
    },
];
