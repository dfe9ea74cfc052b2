//! Members on real servers: stores, replicas, and what a test does to them.

use crate::servers::{Servers, wait_until};
use chatmetric_cluster::follow::Progress;
use chatmetric_cluster::replica::Replica;
use chatmetric_cluster::{ClusterError, ClusterStore, Partition, Settings};
use chatmetric_store::{Batch, Receipt, Store, StoreError};
use std::sync::mpsc;
use std::time::Duration;

/// Few, so that a test has many entries in each.
pub(crate) const PARTITIONS: u16 = 4;

/// What a member on these servers is told.
pub(crate) fn settings(servers: &Servers, member: &str, dir: &std::path::Path) -> Settings {
    Settings {
        urls: servers.urls(),
        partitions: PARTITIONS,
        member: member.to_owned(),
        dir: dir.to_owned(),
        system_user: Some(("sys".to_owned(), "sys".to_owned())),
        publish_timeout: Duration::from_secs(30),
        catch_up_timeout: Duration::from_secs(20),
        answer_timeout: Duration::from_secs(60),
        ..Settings::default()
    }
}

/// Starts a member's replica of a partition.
pub(crate) fn replica(store: &ClusterStore, partition: u16) -> Result<Replica, ClusterError> {
    let (engine, topology) = (store.engine().clone(), store.topology().clone());
    let settings = store.settings().clone();
    store.wait(
        async move { Replica::start(&engine, &topology, &settings, Partition(partition)).await },
    )
}

/// Starts a member's replicas of all partitions.
pub(crate) fn replicas(store: &ClusterStore) -> Vec<Replica> {
    let all = 0..PARTITIONS;
    all.map(|it| replica(store, it).expect("a replica"))
        .collect()
}

/// Waits until replicas follow.
#[track_caller]
pub(crate) fn wait_for(replicas: &[Replica]) {
    wait_until("replicas that follow", || {
        replicas.iter().all(|it| match it.progress() {
            Progress::Following => true,
            Progress::Away { .. } | Progress::CatchingUp { .. } => false,
            Progress::Stopped(error) => panic!("stopped: {error}"),
        })
    });
}

/// Commits batches, several at a time, each until it is acknowledged.
pub(crate) fn commit_all(store: &ClusterStore, batches: &[Batch]) -> u64 {
    let mut refused = 0;
    for window in batches.chunks(16) {
        let mut open: Vec<&Batch> = window.iter().collect();
        while !open.is_empty() {
            let sent: Vec<(&Batch, mpsc::Receiver<Result<Receipt, StoreError>>)> = open
                .drain(..)
                .map(|batch| {
                    let (sender, receiver) = mpsc::sync_channel(1);
                    let done = Box::new(move |result| drop(sender.send(result)));
                    store.submit(batch.clone(), done);
                    (batch, receiver)
                })
                .collect();
            for (batch, receiver) in sent {
                match receiver.recv().expect("answered") {
                    Ok(_) => {}
                    Err(StoreError::Unavailable { .. }) => {
                        refused += 1;
                        open.push(batch);
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
    }
    refused
}
