//! Three real nats-servers in a cluster on loopback, each with a directory of its own, that
//! can be killed and started again on the same ports.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Servers of a cluster.
pub(crate) const SERVERS: usize = 3;

/// `CHATMETRIC_NATS_SERVER`, or where `cargo xtask test` puts it: below the target directory.
fn program() -> PathBuf {
    let path = std::env::var_os("CHATMETRIC_NATS_SERVER").map(PathBuf::from);
    let path = path.unwrap_or_else(|| {
        let test = std::env::current_exe().expect("a program");
        let target = test.ancestors().nth(3).expect("a target directory");
        target.join("compat/python-nats/bin/nats-server")
    });
    assert!(
        path.exists(),
        "`{}` is missing: `cargo xtask test rust` installs it",
        path.display()
    );
    path
}

/// Waits for what comes by itself, for two minutes at most.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..12_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("not in time: {what}");
}

struct Server {
    child: Option<Child>,
    dir: PathBuf,
    name: String,
    url: String,
}

/// The cluster.
pub(crate) struct Servers {
    servers: Vec<Server>,
    _dir: tempfile::TempDir,
}

/// Ports that nobody listens on now.
fn free_ports(count: usize) -> Vec<u16> {
    let bound: Vec<TcpListener> = (0..count)
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a port"))
        .collect();
    let ports = bound
        .iter()
        .map(|it| it.local_addr().expect("bound").port());
    ports.collect()
}

impl Server {
    fn spawn(&mut self) {
        let child = Command::new(program())
            .arg("-c")
            .arg(self.dir.join("nats.conf"))
            .arg("-l")
            .arg(self.dir.join("nats.log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.child = Some(child.expect("nats-server starts"));
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Servers {
    /// Starts three that sync before they acknowledge.
    pub(crate) fn start() -> Self {
        Self::start_with("sync_interval: always")
    }

    /// Starts three with other settings of JetStream.
    pub(crate) fn start_with(jetstream: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let stores = dir.path().join("stores");
        Self::start_at(dir, &stores, jetstream)
    }

    /// Starts three that have what they store below a certain directory.
    pub(crate) fn start_in(stores: &Path, jetstream: &str) -> Self {
        Self::start_at(tempfile::tempdir().expect("a directory"), stores, jetstream)
    }

    fn start_at(dir: tempfile::TempDir, stores: &Path, jetstream: &str) -> Self {
        let ports = free_ports(2 * SERVERS);
        let (clients, routes) = ports.split_at(SERVERS);
        let all: Vec<String> = routes
            .iter()
            .map(|port| format!("\"nats://127.0.0.1:{port}\""))
            .collect();
        let mut servers = Vec::new();
        for (nth, (client, route)) in clients.iter().zip(routes).enumerate() {
            let name = format!("n{nth}");
            let dir = dir.path().join(&name);
            std::fs::create_dir(&dir).expect("made");
            let config = format!(
                "server_name: \"{name}\"\nlisten: \"127.0.0.1:{client}\"\n\
                 jetstream {{ store_dir: \"{}\", {jetstream} }}\n\
                 cluster {{ name: \"test\", listen: \"127.0.0.1:{route}\", routes: [{}] }}\n\
                 accounts {{ APP: {{ jetstream: enabled, users: [{{ user: \"app\", password: \"app\" }}] }},\n\
                 SYS: {{ users: [{{ user: \"sys\", password: \"sys\" }}] }} }}\n\
                 system_account: SYS\nno_auth_user: \"app\"\n",
                stores.join(format!("n{nth}")).display(),
                all.join(", "),
            );
            std::fs::write(dir.join("nats.conf"), config).expect("written");
            let mut server = Server {
                child: None,
                dir,
                name,
                url: format!("nats://127.0.0.1:{client}"),
            };
            server.spawn();
            servers.push(server);
        }
        let servers = Self { servers, _dir: dir };
        servers.wait();
        servers
    }

    /// Waits until a stream of three replicas can be made.
    fn wait(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        wait_until("a cluster with JetStream", || {
            runtime.block_on(async {
                for server in &self.servers {
                    let Ok(client) = async_nats::connect(&server.url).await else {
                        return false;
                    };
                    let context = async_nats::jetstream::new(client);
                    let config = async_nats::jetstream::stream::Config {
                        name: "ready".to_owned(),
                        num_replicas: SERVERS,
                        ..Default::default()
                    };
                    if context.get_or_create_stream(config).await.is_err() {
                        return false;
                    }
                }
                true
            })
        });
    }

    pub(crate) fn urls(&self) -> Vec<String> {
        self.servers.iter().map(|it| it.url.clone()).collect()
    }

    /// kill -9 of the server of a name; gives its number.
    pub(crate) fn kill(&mut self, name: &str) -> usize {
        let nth = self.servers.iter().position(|it| it.name == name);
        let nth = nth.expect("a server of this name");
        self.servers[nth].kill();
        nth
    }

    /// kill -9 of all of them, at once as far as that goes.
    pub(crate) fn kill_all(&mut self) {
        for child in self.servers.iter_mut().filter_map(|it| it.child.as_mut()) {
            drop(child.kill());
        }
        self.servers.iter_mut().for_each(Server::kill);
    }

    /// Starts all of them again with what they had on disk, and waits for them.
    pub(crate) fn start_all_again(&mut self) {
        self.servers.iter_mut().for_each(Server::spawn);
        self.wait();
    }

    /// Starts it again with what it had on disk.
    pub(crate) fn start_again(&mut self, nth: usize) {
        self.servers[nth].spawn();
    }

    /// The server that leads a stream.
    pub(crate) fn leader_of(&self, stream: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let client = async_nats::connect(self.urls()).await.expect("connected");
            let context = async_nats::jetstream::new(client);
            let stream = context.get_stream(stream).await.expect("a stream");
            let cluster = stream.cached_info().cluster.clone().expect("clustered");
            cluster.leader.expect("a leader")
        })
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        for server in &mut self.servers {
            server.kill();
        }
    }
}
