//! Three real nats-servers that are one cluster, each of which can be killed and started
//! again with what it has on disk.

use crate::streams::{program, wait_until};
use async_nats::jetstream;
use futures_util::StreamExt as _;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tokio::io::AsyncReadExt as _;

const NODES: usize = 3;

/// How clients get in.
#[derive(Default)]
pub(super) struct Access {
    /// Lines of the configuration of every server.
    pub(super) configuration: String,
    /// Credentials of an account with JetStream, and the CA of the servers; none for servers
    /// that let everybody in without TLS.
    pub(super) files: Option<(PathBuf, PathBuf)>,
}

impl Access {
    fn url(&self, port: u16) -> String {
        let scheme = if self.files.is_some() { "tls" } else { "nats" };
        format!("{scheme}://127.0.0.1:{port}")
    }

    async fn connect(&self, urls: Vec<String>) -> Option<async_nats::Client> {
        let mut options = async_nats::ConnectOptions::new();
        if let Some((credentials, ca)) = &self.files {
            options = options.credentials_file(credentials).await.ok()?;
            options = options.add_root_certificates(ca.clone());
        }
        options.connect(urls).await.ok()
    }
}

/// The servers.
pub(super) struct Servers {
    dir: tempfile::TempDir,
    access: Access,
    children: Vec<Option<Child>>,
    ports: Vec<u16>,
    runtime: tokio::runtime::Runtime,
}

impl Servers {
    pub(super) fn start() -> Self {
        Self::start_with(Access::default())
    }

    pub(super) fn start_with(access: Access) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let held: Vec<_> = (0..NODES * 2)
            .map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"))
            .collect();
        let ports: Vec<u16> = held
            .iter()
            .map(|one| one.local_addr().expect("bound").port())
            .collect();
        drop(held);
        let (clients, routes) = ports.split_at(NODES);
        let all: Vec<String> = routes
            .iter()
            .map(|port| format!("\"nats://127.0.0.1:{port}\""))
            .collect();
        for (node, (client, route)) in clients.iter().zip(routes).enumerate() {
            let own = dir.path().join(format!("n{node}"));
            std::fs::create_dir(&own).expect("made");
            let config = format!(
                "server_name: n{node}\nlisten: \"127.0.0.1:{client}\"\n\
                 jetstream {{ store_dir: \"{}\", sync_interval: always }}\n\
                 cluster {{ name: test, listen: \"127.0.0.1:{route}\", routes: [{}] }}\n{}",
                own.join("jetstream").display(),
                all.join(", "),
                access.configuration
            );
            std::fs::write(own.join("nats.conf"), config).expect("written");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let mut servers = Self {
            dir,
            access,
            children: (0..NODES).map(|_| None).collect(),
            ports: clients.to_vec(),
            runtime,
        };
        for node in 0..NODES {
            servers.start_again(node);
        }
        wait_until("a leader of JetStream", || servers.has_leader());
        servers
    }

    fn own(&self, node: usize) -> PathBuf {
        self.dir.path().join(format!("n{node}"))
    }

    /// kill -9
    pub(super) fn kill(&mut self, node: usize) {
        let mut child = self.children[node].take().expect("it runs");
        child.kill().expect("kills");
        child.wait().expect("it ends");
    }

    pub(super) fn start_again(&mut self, node: usize) {
        let own = self.own(node);
        let child = Command::new(program())
            .arg("-c")
            .arg(own.join("nats.conf"))
            .arg("-l")
            .arg(own.join("nats.log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nats-server starts");
        self.children[node] = Some(child);
    }

    /// Where clients reach them.
    pub(super) fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// For `cluster.nats_urls`.
    pub(super) fn urls(&self) -> String {
        let all: Vec<String> = self
            .ports
            .iter()
            .map(|port| format!("\"{}\"", self.access.url(*port)))
            .collect();
        format!("[{}]", all.join(", "))
    }

    fn has_leader(&self) -> bool {
        self.with(|context| async move {
            let made = context
                .create_stream(jetstream::stream::Config {
                    name: "READY".to_owned(),
                    num_replicas: NODES,
                    ..jetstream::stream::Config::default()
                })
                .await;
            if made.is_ok() {
                drop(context.delete_stream("READY").await);
            }
            made.is_ok()
        })
        .unwrap_or(false)
    }

    /// Does something with a connection to any of them.
    fn with<T, F: Future<Output = T>>(
        &self,
        with: impl FnOnce(jetstream::Context) -> F,
    ) -> Option<T> {
        let urls: Vec<String> = self
            .ports
            .iter()
            .map(|port| self.access.url(*port))
            .collect();
        self.runtime.block_on(async {
            let client = self.access.connect(urls).await?;
            Some(with(jetstream::new(client)).await)
        })
    }

    /// Takes the objects of a bucket away, as a server that lags does not have them.
    pub(super) fn take_objects(&self, bucket: &'static str) -> Vec<(String, Vec<u8>)> {
        let taken = self.with(|context| async move {
            let bucket = context.get_object_store(bucket).await.expect("a bucket");
            let names = bucket.list().await.expect("a list");
            let names: Vec<_> = names.map(|it| it.expect("an object").name).collect().await;
            let mut taken = Vec::new();
            for name in names {
                let mut bytes = Vec::new();
                let mut object = bucket.get(&name).await.expect("an object");
                object.read_to_end(&mut bytes).await.expect("all of it");
                bucket.delete(&name).await.expect("deleted");
                taken.push((name, bytes));
            }
            taken
        });
        taken.expect("a server")
    }

    /// Puts them back.
    pub(super) fn put_objects(&self, bucket: &'static str, objects: Vec<(String, Vec<u8>)>) {
        let put = self.with(|context| async move {
            let bucket = context.get_object_store(bucket).await.expect("a bucket");
            for (name, bytes) in objects {
                let put = bucket.put(name.as_str(), &mut bytes.as_slice()).await;
                put.expect("put");
            }
        });
        put.expect("a server");
    }

    /// The number of the server that leads a stream.
    pub(super) fn leader_of(&self, stream: &str) -> usize {
        let mut found = None;
        wait_until("a leader of the stream", || {
            let name = stream.to_owned();
            let leader = self.with(|context| async move {
                let stream = context.get_stream(name).await.ok()?;
                stream.cached_info().cluster.as_ref()?.leader.clone()
            });
            let leader = leader.flatten();
            found = leader.and_then(|it| it.strip_prefix('n')?.parse().ok());
            found.is_some()
        });
        found.expect("waited for")
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in self.children.iter_mut().flatten() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
