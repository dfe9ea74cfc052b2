//! A node that the network cuts off from all servers while callers still reach it: it
//! acknowledges nothing, answers nothing old, and has everything when it is back.
//!
//! The test runs once more in a network of its own, where packets of the node to the
//! servers are dropped. Needs root, `unshare`, `iptables` and `setpriv`; in CI they have to
//! be there.

use super::counts::{DAY_MS, PART, batches, compare_all, load};
use super::servers::Servers;
use super::{Node, answers, credentials, key_file};
use crate::process::{DIRECTORY, agent, call, post};
use crate::streams::wait_until;
use chatmetric::clock::{Clock as _, SystemClock};
use chatmetric_sim::{BodyStyle, Model, render_body};
use std::process::{Command, Stdio};
use std::sync::{Mutex, RwLock};

/// The variable of the process that has a network of its own.
const VARIABLE: &str = "CHATMETRIC_CLUSTER_NETWORK";
/// The group of the node that is cut off: rules go by it.
const GROUP: &str = "4242";

/// Runs `work` in a network of its own: this test once more.
fn alone(name: &str, work: impl FnOnce()) {
    if std::env::var_os(VARIABLE).is_some() {
        return work();
    }
    let own = std::env::current_exe().expect("this binary");
    let output = Command::new("unshare")
        .args([
            "--net",
            "sh",
            "-c",
            "ip link set lo up && exec \"$0\" \"$@\"",
        ])
        .arg(own)
        .args([name, "--exact", "--nocapture"])
        .env(VARIABLE, "1")
        .stdin(Stdio::null())
        .output()
        .expect("`cargo xtask test rust` installs what is needed");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    print!("{said}");
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", output.status);
    // A name that is wrong would be a test that does nothing.
    assert!(said.contains("1 passed"), "`{name}` ran: {said}");
}

/// Drops what the group sends to the servers from now on, or no more.
fn cut(servers: &Servers, change: &str) {
    let ports: Vec<String> = servers.ports().iter().map(u16::to_string).collect();
    let done = Command::new("iptables")
        .args([change, "OUTPUT", "-p", "tcp", "-m", "multiport", "--dports"])
        .arg(ports.join(","))
        .args(["-m", "owner", "--gid-owner", GROUP, "-j", "DROP"])
        .status()
        .expect("iptables");
    assert!(done.success());
}

#[test]
fn a_node_that_is_cut_off_says_nothing_wrong_and_comes_back() {
    let name = "cluster::partition::a_node_that_is_cut_off_says_nothing_wrong_and_comes_back";
    alone(name, cut_off);
}

fn cut_off() {
    let keys = tempfile::tempdir().expect("a directory");
    let key = key_file(&keys, "key");
    let servers = Servers::start();
    let nodes = ["a", "b", "c"].map(|name| Node::new(&servers, name, &key));
    assert_eq!(nodes[0].apply(DIRECTORY).code, 0);
    let group = ["setpriv", "--regid", GROUP, "--clear-groups"].map(str::to_owned);
    let served = [
        nodes[0].serve(),
        nodes[1].serve_below(&group),
        nodes[2].serve(),
    ];
    let urls = served.iter().map(|it| it.url.clone()).collect::<Vec<_>>();
    for url in &urls {
        answers(url, "LTAIowner", "owner-secret");
    }
    nodes[0].settled(&["a", "b", "c"]);
    let (now_ms, model) = (SystemClock::default().now().0, Mutex::new(Model::new()));
    let batches = batches(now_ms, PART * 2 + 1);
    let all = RwLock::new(urls.clone());
    load(&all, &model, &batches[..PART], |_| ());
    compare_all(&all, &model, now_ms);

    let others = RwLock::new(vec![urls[0].clone(), urls[2].clone()]);
    let last = batches.last().expect("some");
    let body = render_body(last, &BodyStyle::mixed(0)).json;
    load(&others, &model, &batches[PART..PART * 2], |posted| {
        wait_until("some of a part", || posted() >= PART / 4);
        cut(&servers, "-A");
        // It cannot know what the others have counted since, and it cannot keep anything.
        let told = post(&agent(), &urls[1], "acme-wa", &body);
        assert!(matches!(told, Some(503) | None), "{told:?}");
    });
    let owner = credentials("LTAIowner", "owner-secret");
    let (start, end) = ((now_ms - 22 * DAY_MS).to_string(), now_ms.to_string());
    let range = [("Start", &*start), ("End", &*end)];
    for _ in 0..3 {
        let (status, said) = call(&urls[1], &owner, "GetChatappPhoneNumberMetric", &range);
        assert_eq!(status, 503, "{said}");
    }
    // The others miss it, share its work and have everything.
    nodes[0].settled(&["a", "c"]);
    compare_all(&others, &model, now_ms);

    cut(&servers, "-D");
    nodes[0].settled(&["a", "b", "c"]);
    nodes[1].settled(&["a", "b", "c"]);
    // What it refused may be on the way all the same, in a buffer of its system. It is sent
    // again, as a provider does, and counts once whatever became of the first try.
    wait_until("the node takes webhooks again", || {
        post(&agent(), &urls[1], "acme-wa", &body) == Some(200)
    });
    last.iter()
        .for_each(|event| model.lock().expect("sound").observe(event));
    compare_all(&all, &model, now_ms);
}
