//! `GET system`: the program, its store and how long it runs, for the operator.

use super::ask::{Ask, answer_of};
use super::error::ConsoleError;
use super::rights::{Right, SignedIn};
use super::work;
use crate::control::cluster_status;
use crate::server::answer::Answer;
use chatmetric_core::time::zone_database_version;
use chatmetric_store::Health;
use serde_json::json;

/// `GET system`
pub(super) async fn system(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ReadSystem)?;
    let body = work::read(ask.app, |app| {
        let stats = app.store.stats();
        let (health, reason) = match app.store.health() {
            Health::Ready => ("ready", None),
            Health::Waiting(reason) => ("waiting", Some(reason)),
            Health::Poisoned(reason) => ("poisoned", Some(reason)),
        };
        let console = &app.console;
        let backups = app.backups.get();
        let last = backups.last.as_ref();
        let failed = backups.last_error.as_ref();
        let now_ms = app.clock.monotonic_ms();
        let peers = app.peers.as_ref();
        let cluster = peers.and_then(|it| cluster_status(it.as_ref(), &app.directory).ok());
        Ok(json!({
            "version": env!("CARGO_PKG_VERSION"),
            // Of a build of a package.
            "commit": option_env!("CHATMETRIC_COMMIT"),
            "timeZones": zone_database_version(),
            "startedMs": console.started_ms,
            "uptimeMs": now_ms.saturating_sub(console.started_monotonic_ms),
            "dataDir": app.settings.store.data_dir.display().to_string(),
            "store": {
                "diskBytes": stats.disk_bytes,
                "runs": stats.runs,
                "runRecords": stats.run_records,
                "hotRecords": stats.hot_records,
                "journalBytes": stats.journal_bytes,
                "syncs": stats.syncs,
                "queuedEvents": stats.queued_events,
            },
            "health": health,
            "healthReason": reason,
            "backup": {
                "dir": app.settings.backup.dir.as_ref().map(|dir| dir.display().to_string()),
                "lastMs": last.map(|last| last.at_ms),
                "id": last.map(|last| &last.id),
                "positions": last.map(|last| &last.positions),
                "bytes": last.map(|last| last.bytes),
                "nextMs": backups.next_ms,
                "made": backups.made,
                "failed": backups.failed,
                "error": failed.map(|failed| &failed.message),
                "errorMs": failed.map(|failed| failed.at_ms),
            },
            "cluster": cluster,
            "floorMs": app.store.floor().map(|floor| floor.0),
            "licences": "/console/third-party.txt",
        }))
    })
    .await?;
    answer_of(&body)
}
