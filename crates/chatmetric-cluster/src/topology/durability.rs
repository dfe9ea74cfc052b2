//! What the servers tell of themselves: their version, and whether they sync before they
//! acknowledge.
//!
//! The version is in every connection. `sync_interval` is in no answer that an ordinary
//! account gets: only the system account may ask each server for its variables. Without it
//! the operator has to state it. Not here: the streams.
//!
//! Invariant: a server that says that it does not sync always is weak, whatever was stated.

use super::weak;
use crate::engine::{Engine, connect_system};
use crate::error::{ClusterError, failed};
use crate::settings::Settings;
use async_nats::Client;
use futures_util::StreamExt as _;
use std::time::Duration;

/// The oldest version that works.
const VERSION_MIN: (u32, u32) = (2, 11);
/// How long more servers are waited for after one has answered.
const ANSWERS_TIMEOUT: Duration = Duration::from_millis(500);

pub(super) async fn check(engine: &Engine, settings: &Settings) -> Result<(), ClusterError> {
    let version = engine.client.server_info().version;
    if version_of(&version).is_none_or(|it| it < VERSION_MIN) {
        let (major, minor) = VERSION_MIN;
        return Err(ClusterError::Settings {
            reason: format!("the server has version {version}, {major}.{minor} is needed"),
        });
    }
    match connect_system(settings).await? {
        Some(system) => {
            let found = ask(&system).await?;
            weak(settings, judge(&found, settings.replicas))
        }
        None if settings.states_sync_always => Ok(()),
        None => {
            let reason = "the servers do not tell this account whether they sync before they \
                          acknowledge: set `sync_interval: always` on each of them and state it, \
                          or give credentials of the system account";
            weak(settings, Some(reason.to_owned()))
        }
    }
}

fn version_of(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

/// A server and whether it syncs always.
type Synced = (String, bool);

/// Asks all servers.
async fn ask(system: &Client) -> Result<Vec<Synced>, ClusterError> {
    let operation = "ask the servers for their variables";
    let inbox = system.new_inbox();
    let mut answers = system
        .subscribe(inbox.clone())
        .await
        .map_err(|error| failed(operation, error))?;
    system
        .publish_with_reply("$SYS.REQ.SERVER.PING.VARZ", inbox, bytes::Bytes::new())
        .await
        .map_err(|error| failed(operation, error))?;
    let mut found = Vec::new();
    while let Ok(Some(answer)) = tokio::time::timeout(ANSWERS_TIMEOUT, answers.next()).await {
        found.extend(read(&answer.payload));
    }
    Ok(found)
}

/// What a server with JetStream says.
fn read(answer: &[u8]) -> Option<Synced> {
    let answer: serde_json::Value = serde_json::from_slice(answer).ok()?;
    let config = answer.pointer("/data/jetstream/config")?;
    let name = answer.pointer("/server/name")?.as_str()?.to_owned();
    let always = config
        .get("sync_always")
        .and_then(serde_json::Value::as_bool);
    Some((name, always.unwrap_or(false)))
}

/// What is weak.
fn judge(found: &[Synced], replicas: usize) -> Option<String> {
    if found.len() < replicas {
        return Some(format!(
            "{} servers with JetStream answered the system account, {replicas} are needed",
            found.len()
        ));
    }
    let lazy = found.iter().filter(|(_, always)| !always);
    let lazy: Vec<&str> = lazy.map(|(name, _)| name.as_str()).collect();
    (!lazy.is_empty()).then(|| {
        let names = lazy.join("`, `");
        format!("`{names}` acknowledges before it syncs: set `sync_interval: always` there")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(version_of("2.9.10") < Some(VERSION_MIN));
        assert!(version_of("2.11.0-RC.1") >= Some(VERSION_MIN));
        assert!(version_of("2.15.1") >= Some(VERSION_MIN));
        assert_eq!(version_of(""), None);
    }

    #[test]
    fn a_server_that_syncs_later_is_named() {
        let found = [("n1".to_owned(), true), ("n2".to_owned(), false)];
        assert!(judge(&found, 2).unwrap().contains("`n2`"));
        assert!(judge(&found, 3).unwrap().contains("3 are needed"));
        assert_eq!(judge(&[("n1".to_owned(), true)], 1), None);
    }
}
