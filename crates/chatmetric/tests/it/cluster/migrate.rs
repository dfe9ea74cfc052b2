//! An instance that was alone becomes a cluster with the real commands: every answer stays,
//! and what does not belong together is refused.

use super::counts::{batches, counts, deliver};
use super::servers::Servers;
use super::{Node, answers, key_file};
use crate::process::{DIRECTORY, Ran, Served, agent, command, post, run};
use crate::restart::compare;
use crate::streams::wait_until;
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric_sim::{BodyStyle, Event, Model, render_body};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::sync::RwLock;

impl Node {
    /// `migrate --to-cluster` of its data directory.
    fn migration(&self) -> Vec<String> {
        let (config, data_dir) = (self.path("c.toml"), self.path("data"));
        [
            "migrate",
            "--to-cluster",
            "--config",
            &config,
            "--data-dir",
            &data_dir,
            "--master-key-file",
            &self.key,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    fn migrate(&self) -> Ran {
        let arguments = self.migration();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        run(&arguments)
    }

    /// Kills it once it has moved a partition.
    fn migrate_and_kill(&self) {
        let arguments = self.migration();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let child = command(&arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = child.expect("the program starts");
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut said = lines.map_while(Result::ok);
        assert!(said.any(|line| line.starts_with("partition 0 of 4: moved")));
        child.kill().expect("kills");
        child.wait().expect("it ends");
    }

    fn alone(&self) -> Served {
        let data_dir = self.path("data");
        Served::start_with(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            &data_dir,
            "--master-key-file",
            &self.key,
        ])
    }
}

fn deliver_all(urls: &RwLock<Vec<String>>, model: &mut Model, batches: &[Vec<Event>]) {
    for (at, events) in batches.iter().enumerate() {
        let style = BodyStyle::mixed(at as u64);
        deliver(urls, at, &render_body(events, &style).json);
        events.iter().for_each(|event| model.observe(event));
    }
}

#[test]
fn an_instance_that_was_alone_becomes_a_cluster() {
    let keys = tempfile::tempdir().expect("a directory");
    let key = key_file(&keys, "key");
    let servers = Servers::start();
    let [a, b, c, foreign] = ["a", "b", "c", "d"].map(|name| Node::new(&servers, name, &key));
    assert_eq!(a.apply(DIRECTORY).code, 0);
    let now_ms = SystemClock::default().now().0;
    let all = batches(now_ms, 90);
    let mut model = Model::new();
    let alone = a.alone();
    let urls = RwLock::new(vec![alone.url.clone()]);
    deliver_all(&urls, &mut model, &all[..60]);
    // A body that cannot be read waits in quarantine.
    let unread = post(
        &agent(),
        &alone.url,
        "acme-wa",
        "{\"entry\":[{\"changes\":7}]}",
    );
    assert_eq!(unread, Some(200));
    compare(&alone.url, &model, now_ms, (None, 0));
    let ran = a.migrate();
    assert!(
        ran.code == 1 && ran.stderr.contains("is in use by process"),
        "{ran:?}"
    );
    assert!(alone.stop().0.success());

    // It is killed in the middle, goes on, and says afterwards that it is done.
    a.migrate_and_kill();
    let ran = a.migrate();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.stdout.starts_with("ok: ") && !ran.stdout.starts_with("ok: 4 of"),
        "{ran:?}"
    );
    assert!(
        ran.stderr.contains("partition 0 of 4: was there already"),
        "{ran:?}"
    );
    assert!(ran.stderr.contains("chatmetric serve --config"), "{ran:?}");
    let ran = a.migrate();
    let done = "ok: 0 of 4 partitions were moved, 4 were there already";
    assert!(ran.code == 0 && ran.stdout.starts_with(done), "{ran:?}");

    // Another instance has nothing to do with these counts.
    assert_eq!(foreign.apply(DIRECTORY).code, 0);
    let ran = foreign.migrate();
    assert!(
        ran.code == 1 && ran.stderr.contains("counts of installation"),
        "{ran:?}"
    );
    let ran = foreign.refused();
    assert!(
        ran.code != 0 && ran.stderr.contains("counts of installation"),
        "{ran:?}"
    );

    let mut served = vec![a.serve()];
    served.extend([&b, &c].map(Node::serve));
    *urls.write().expect("sound") = served.iter().map(|it| it.url.clone()).collect();
    let compare_all = |model: &Model| {
        for one in &served {
            answers(&one.url, "LTAIowner", "owner-secret");
            counts(&one.url, now_ms);
            compare(&one.url, model, now_ms, (None, 0));
        }
    };
    compare_all(&model);
    let ran = foreign.migrate();
    assert!(
        ran.code == 1 && ran.stderr.contains("accounts of installation"),
        "{ran:?}"
    );
    // What came before is known; what is new is counted on top.
    deliver_all(&urls, &mut model, &all[..30]);
    compare_all(&model);
    deliver_all(&urls, &mut model, &all[60..]);
    compare_all(&model);
    let data_dir = a.path("data");
    wait_until("an audit that finds all replicas", || {
        run(&["cluster", "audit", "--data-dir", &data_dir]).code == 0
    });

    // The old store is left alone, and the counts of the node are not looked for in it.
    for one in served {
        assert!(one.stop().0.success());
    }
    assert!(
        std::path::Path::new(&data_dir)
            .join("store/FORMAT")
            .is_file()
    );
    let ran = run(&["verify", "--data-dir", &data_dir, "--master-key-file", &key]);
    assert!(
        ran.code == 2 && ran.stderr.contains("node of a cluster"),
        "{ran:?}"
    );
    let ran = a.migrate();
    assert!(ran.code == 0 && ran.stdout.starts_with(done), "{ran:?}");
}

#[test]
fn what_is_no_instance_or_no_cluster_is_refused() {
    let keys = tempfile::tempdir().expect("a directory");
    let key = key_file(&keys, "key");
    let folder = tempfile::tempdir().expect("a directory");
    let dir = |name: &str| folder.path().join(name).display().to_string();
    let migrate = |data_dir: &str, config: &str| {
        run(&[
            "migrate",
            "--to-cluster",
            "--config",
            config,
            "--data-dir",
            data_dir,
            "--master-key-file",
            &key,
        ])
    };
    std::fs::write(dir("alone.toml"), "[server]\n").expect("written");
    let cluster = "[cluster]\nnats_urls = [\"nats://127.0.0.1:9\"]\nnode = \"a\"\n";
    std::fs::write(dir("cluster.toml"), cluster).expect("written");
    std::fs::create_dir(dir("empty")).expect("made");
    let ran = migrate(&dir("empty"), &dir("alone.toml"));
    assert!(
        ran.code == 2 && ran.stderr.contains("no `[cluster]`"),
        "{ran:?}"
    );
    let ran = migrate(&dir("none"), &dir("cluster.toml"));
    assert!(
        ran.code == 2 && ran.stderr.contains("no data directory"),
        "{ran:?}"
    );
    let ran = migrate(&dir("empty"), &dir("cluster.toml"));
    assert!(
        ran.code == 2 && ran.stderr.contains("no instance with counts"),
        "{ran:?}"
    );
    let ran = run(&["migrate", "--config", &dir("cluster.toml")]);
    assert!(
        ran.code == 2 && ran.stderr.contains("--to-cluster"),
        "{ran:?}"
    );
}
