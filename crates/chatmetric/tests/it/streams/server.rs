//! A real nats-server with a directory of its own, that can be killed and started again
//! on the same port, and a client that publishes.

use async_nats::jetstream::{self, stream};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Messages whose acknowledgements are waited for together.
const WINDOW: usize = 200;

/// Where `cargo xtask test` puts it: below the target directory of the program.
pub(crate) fn program() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_chatmetric"))
        .ancestors()
        .nth(2)
        .expect("a target directory");
    let path = target.join("compat/python-nats/bin/nats-server");
    assert!(
        path.exists(),
        "`{}` is missing: `cargo xtask test rust` installs it",
        path.display()
    );
    path
}

/// Waits for what comes by itself, for a minute at most.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if done() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("not in time: {what}");
}

/// A running nats-server.
pub(crate) struct Nats {
    child: Child,
    dir: tempfile::TempDir,
    port: u16,
    token: Option<String>,
    runtime: tokio::runtime::Runtime,
}

impl Nats {
    pub(crate) fn start() -> Self {
        Self::start_with("", None)
    }

    /// Starts with more configuration, and the token that it asks for.
    pub(crate) fn start_with(more: &str, token: Option<&str>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("bound").port();
        drop(free);
        let store = dir.path().join("jetstream");
        let config = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\", sync_interval: always }}\n{more}\n",
            store.display()
        );
        std::fs::write(dir.path().join("nats.conf"), config).expect("written");
        let child = Self::spawn(dir.path());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let nats = Self {
            child,
            dir,
            port,
            token: token.map(str::to_owned),
            runtime,
        };
        nats.wait();
        nats
    }

    fn spawn(dir: &Path) -> Child {
        Command::new(program())
            .arg("-c")
            .arg(dir.join("nats.conf"))
            .arg("-l")
            .arg(dir.join("nats.log"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nats-server starts")
    }

    fn wait(&self) {
        wait_until("nats-server with JetStream", || {
            self.run(
                |context| async move { context.query_account().await.is_ok() },
                false,
            )
        });
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// kill -9
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("kills");
        self.child.wait().expect("it ends");
    }

    /// Starts it again with what it had on disk.
    pub(crate) fn start_again(&mut self) {
        self.child = Self::spawn(self.dir.path());
        self.wait();
    }

    /// Does something with a connection; `otherwise` when there is none.
    fn run<T, F: Future<Output = T>>(
        &self,
        with: impl FnOnce(jetstream::Context) -> F,
        otherwise: T,
    ) -> T {
        self.runtime.block_on(async {
            let options = match &self.token {
                Some(token) => async_nats::ConnectOptions::with_token(token.clone()),
                None => async_nats::ConnectOptions::new(),
            };
            match options.connect(self.url()).await {
                Ok(client) => with(jetstream::new(client)).await,
                Err(_) => otherwise,
            }
        })
    }

    pub(crate) fn with<T, F: Future<Output = T>>(
        &self,
        with: impl FnOnce(jetstream::Context) -> F,
    ) -> T {
        let with = |context| {
            let done = with(context);
            async move { Some(done.await) }
        };
        self.run(with, None).expect("connected")
    }

    /// Makes a stream of all subjects below its name in lower case.
    pub(crate) fn make(&self, name: &str, retention: stream::RetentionPolicy) {
        let config = stream::Config {
            name: name.to_owned(),
            subjects: vec![format!("{}.>", name.to_lowercase())],
            retention,
            ..stream::Config::default()
        };
        self.with(|context| async move {
            context.create_stream(config).await.expect("made");
        });
    }

    pub(crate) fn delete(&self, name: &str) {
        self.with(|context| async move {
            context.delete_stream(name).await.expect("deleted");
        });
    }

    /// Publishes messages on a subject; all of them are in the stream then.
    pub(crate) fn publish(&self, subject: &str, messages: &[String]) {
        self.with(|context| async move {
            for window in messages.chunks(WINDOW) {
                let mut acknowledged = Vec::new();
                for message in window {
                    let sent = context.publish(subject.to_owned(), message.clone().into());
                    acknowledged.push(sent.await.expect("sent"));
                }
                for one in acknowledged {
                    one.await.expect("in the stream");
                }
            }
        });
    }

    /// What of a durable consumer is acknowledged: the number of the last delivery of
    /// which all before it are, too.
    pub(crate) fn acknowledged(&self, stream: &str, consumer: &str) -> u64 {
        self.with(|context| async move {
            let stream = context.get_stream(stream).await.expect("there");
            let consumer = stream.get_consumer::<jetstream::consumer::pull::Config>(consumer);
            match consumer.await {
                Ok(consumer) => consumer.cached_info().ack_floor.consumer_sequence,
                Err(_) => 0,
            }
        })
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
