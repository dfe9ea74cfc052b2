//! Protections of the way to us: TLS, its certificates and its handshakes.

use super::Mutant;

/// See the module.
pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        id: "tls-pair",
        promise: "a certificate is served with the key that belongs to it",
        file: "crates/chatmetric/src/tls/pair.rs",
        find: "CertifiedKey::from_der(chain, key, &provider())",
        replace: "provider().key_provider.load_private_key(key).map(|key| CertifiedKey::new(chain, key))",
        test: &[
            "test",
            "-p",
            "chatmetric",
            "--test",
            "it",
            "files_that_are_no_pair_are_faults_of_the_configuration",
        ],
    },
    Mutant {
        id: "tls-handshake",
        promise: "a handshake that does not end holds nobody up",
        file: "crates/chatmetric/src/server/handshake.rs",
        find: "timeout(HANDSHAKE_TIMEOUT, shaking)",
        replace: "timeout(HANDSHAKE_TIMEOUT * 100, shaking)",
        test: &[
            "test",
            "-p",
            "chatmetric",
            "--test",
            "it",
            "an_unfinished_handshake_ends_and_holds_nobody_up",
        ],
    },
    Mutant {
        id: "tls-secure",
        promise: "acs:SecureTransport says how the caller came",
        file: "crates/chatmetric/src/server/listener.rs",
        find: "self.serve(stream, true).await",
        replace: "self.serve(stream, false).await",
        test: &[
            "test",
            "-p",
            "chatmetric",
            "--test",
            "it",
            "secure_transport_is_a_fact_that_policies_can_ask_for",
        ],
    },
    Mutant {
        id: "tls-plain",
        promise: "plain HTTP on the TLS port is told so",
        file: "crates/chatmetric/src/server/handshake.rs",
        find: "if speaks_http(&stream).await? {",
        replace: "if speaks_http(&stream).await? && false {",
        test: &[
            "test",
            "-p",
            "chatmetric",
            "--test",
            "it",
            "plain_http_on_the_tls_port_is_told_so",
        ],
    },
];
