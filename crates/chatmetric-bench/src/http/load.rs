//! Two kinds of load: as fast as the answers come, and on a schedule.

use super::connection::Connection;
use crate::cpu;
use anyhow::{Context, Result, bail};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Each connection sends its next request when the answer before has come; all
/// answers must have `status`.
/// Gives the seconds it took and the sorted times of the answers in ms.
pub(super) fn closed(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    status: u16,
) -> Result<(f64, Vec<f64>)> {
    run(address, requests, connections, status, |_, _| None)
}

/// Request `n` is due `n / rate` seconds after the start; its time counts from
/// then, whenever it could really be sent.
pub(super) fn scheduled(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    rate: u64,
) -> Result<(f64, Vec<f64>)> {
    run(address, requests, connections, 200, |started, index| {
        Some(started + Duration::from_secs_f64(index as f64 / rate as f64))
    })
}

fn run(
    address: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    expected: u16,
    due: impl Fn(Instant, usize) -> Option<Instant> + Sync,
) -> Result<(f64, Vec<f64>)> {
    let next = AtomicUsize::new(0);
    let started = cpu::now();
    let work = || -> Result<Vec<f64>> {
        let mut connection = Connection::open(address)?;
        let mut taken_ms = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(request) = requests.get(index) else {
                return Ok(taken_ms);
            };
            let begin = match due(started, index) {
                Some(moment) => {
                    thread::sleep(moment.saturating_duration_since(cpu::now()));
                    moment
                }
                None => cpu::now(),
            };
            let (status, body) = connection.exchange(request)?;
            if status != expected {
                bail!("answer {status}: {}", String::from_utf8_lossy(body));
            }
            taken_ms.push(begin.elapsed().as_secs_f64() * 1e3);
        }
    };
    let mut all = Vec::with_capacity(requests.len());
    thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = (0..connections).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            all.extend(
                thread
                    .join()
                    .ok()
                    .context("a connection's thread panicked")??,
            );
        }
        Ok(())
    })?;
    let seconds = started.elapsed().as_secs_f64();
    all.sort_by(f64::total_cmp);
    Ok((seconds, all))
}
