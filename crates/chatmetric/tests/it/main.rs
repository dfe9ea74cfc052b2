//! The program from outside: the real server on a port of its own, driven over
//! real sockets. One binary; each module says what belongs into it.

// A server in the test's process, its directory, and a client.
mod world;
// A store that can be told to wait, to refuse and to fail.
mod doctor;
mod faults;
// What was logged while the tests ran.
mod log;

// A certificate authority of its own.
mod certificates;

// The RPC API: answers, errors, their order and their shape.
mod api;
// Who may call and see what: RAM, tenancy.
mod authz;
// The web console: sessions, pages, rights, counts.
mod console;
// The directory on real files.
mod directory;
// Identities one by one, and the audit log.
mod identities;
mod idle;
mod overload;
// Clients that are slow, and a stop while something hangs.
mod slow;
// Webhooks: what is taken, what is refused, what becomes of it.
mod ingest;
// Receipts of CAMS, CloudEvents and NDJSON: what is taken, what is refused.
mod receipts;
// Two feeds with different ids for one number: one of them counts.
mod families;
// The product RAM: every operation, every refusal, every right.
mod ram_api;
// The floor of a running server, and what waits behind it.
mod floor;
// HTTP itself: framing, limits, health, figures, logs, drain.
mod server;
// Temporary credentials, and what administrators learn of denials.
mod sts;
// Figures of single numbers, the dashboard, logs for machines.
mod figures;
// Traces at a receiver.
#[cfg(feature = "otlp")]
mod otlp;
// Calls per second.
mod throttle;
// TLS: handshakes, certificates and their exchange, the client's side.
mod tls;

// The real program: helps the modules below to start it.
mod operator;
mod process;

// Commands: help, outputs, exit codes, a second process, keys.
mod cli;
// `conformance` at a real server, one that passes and ones that do not.
mod conformance;
// `demo`, to its end.
mod demo;
// Another master key.
// Among several nodes: nonces are kept before answers leave.
mod keeping;
mod key_rotation;
// `export`: equal to the API, files that are whole or not there.
mod explain;
mod export;
// `import`: formats, bad lines, loading twice, memory.
mod import;
// `import` of what is no file of events, or hostile: memory, refusals.
mod import_hostile;
// `import` after a kill: goes on where it was, and nothing is missing.
mod import_resume;
// What goes wrong around the program: nobody reads its log, the disk is full.
mod damage;
// Alerts: noticed, told, acknowledged.
mod watch;
// Backups and what is made from them: under load, interrupted, damaged, scheduled.
mod backup;
// What `serve` says and does when the disk under it fails, is full or hangs.
mod disk;
mod hanging;
// Accounts of older releases, opened, and killed while that is done.
mod upgrade;
// `reconcile`: what matches, what differs, what cannot be compared.
mod reconcile;
// kill -9 of `serve`, again and again.
mod restart;
// Whole lives in virtual time, by seeds: crashes, a bad network, clocks that jump.
mod simulation;
// What systemd hears of `serve`.
mod service_manager;
// Streams of a real nats-server: exact counts, gaps, poison, credentials.
#[cfg(feature = "nats")]
mod streams;
// Several programs that are one, on three real nats-servers.
#[cfg(feature = "nats")]
mod cluster;
// `cluster plan`: what it prints, what it refuses.
#[cfg(feature = "nats")]
mod cluster_plan;
// `sign explain`: outputs, exit codes, secrets.
mod sign;
