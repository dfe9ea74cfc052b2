//! Three nats-servers on loopback in a directory that goes with them.
//!
//! Not here: what is published. Invariant: only processes that this one started are
//! stopped, each by its handle.

use anyhow::{Context, Result, bail};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const NODES: usize = 3;
/// Linux counts `/proc/<pid>/stat` in this many ticks a second.
const TICKS_PER_SECOND: f64 = 100.0;

pub(crate) struct Servers {
    children: Vec<Child>,
    ports: Vec<u16>,
    _dir: tempfile::TempDir,
}

impl Servers {
    pub(crate) fn start(program: &Path, is_synced: bool) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let ports = free_ports(NODES * 2)?;
        let (clients, routes) = ports.split_at(NODES);
        let all: Vec<_> = routes
            .iter()
            .map(|port| format!("\"nats://127.0.0.1:{port}\""))
            .collect();
        let mut children = Vec::new();
        for (node, (client, route)) in clients.iter().zip(routes).enumerate() {
            let own = dir.path().join(format!("n{node}"));
            std::fs::create_dir(&own)?;
            let sync = if is_synced { "always" } else { "\"2m\"" };
            let config = format!(
                "server_name: n{node}\nlisten: \"127.0.0.1:{client}\"\nmax_payload: 4MB\n\
                 jetstream {{ store_dir: \"{}\", sync_interval: {sync}, max_file_store: 20GB }}\n\
                 cluster {{ name: shape, listen: \"127.0.0.1:{route}\", routes: [{}] }}\n",
                own.display(),
                all.join(", ")
            );
            let file = own.join("nats.conf");
            std::fs::write(&file, config)?;
            let child = Command::new(program)
                .arg("-c")
                .arg(&file)
                .arg("-l")
                .arg(own.join("nats.log"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .context("nats-server does not start")?;
            children.push(child);
        }
        Ok(Self {
            children,
            ports: clients.to_vec(),
            _dir: dir,
        })
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.ports
            .iter()
            .map(|port| format!("nats://127.0.0.1:{port}"))
            .collect()
    }

    /// CPU time of all of them so far, us.
    pub(crate) fn cpu_us(&self) -> Result<f64> {
        let mut all = 0.0;
        for child in &self.children {
            let text = std::fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
            let behind = text.rsplit(')').next().unwrap_or_default();
            let fields: Vec<&str> = behind.split_whitespace().collect();
            let (Some(user), Some(system)) = (fields.get(11), fields.get(12)) else {
                bail!("no CPU time in stat");
            };
            all += (user.parse::<f64>()? + system.parse::<f64>()?) / TICKS_PER_SECOND * 1e6;
        }
        Ok(all)
    }

    /// Connections, one a node.
    pub(crate) async fn connect(&self) -> Result<Vec<async_nats::Client>> {
        let mut clients = Vec::new();
        let begun = crate::cpu::now();
        for url in self.urls() {
            loop {
                match async_nats::connect(&url).await {
                    Ok(client) => {
                        clients.push(client);
                        break;
                    }
                    Err(error) if begun.elapsed() > Duration::from_secs(30) => {
                        return Err(error).context("no connection");
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        }
        Ok(clients)
    }
}

fn free_ports(count: usize) -> Result<Vec<u16>> {
    let held: Result<Vec<_>, _> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0"))
        .collect();
    held?
        .iter()
        .map(|one| Ok(one.local_addr()?.port()))
        .collect()
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
