//! What a service manager hears of `serve`: ready only when events are taken, alive while
//! it turns, stopping before it ends.

use crate::process::{Served, agent, command, data_dir};
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

fn hear(socket: &UnixDatagram) -> String {
    let mut message = [0; 512];
    let length = socket.recv(&mut message).expect("a message");
    String::from_utf8_lossy(&message[..length]).into_owned()
}

/// The next message that is no sign of life.
fn hear_news(socket: &UnixDatagram) -> String {
    loop {
        let message = hear(socket);
        if message != "WATCHDOG=1\n" && message != "WATCHDOG=1" {
            return message;
        }
    }
}

#[test]
fn a_service_manager_hears_ready_alive_and_stopping() {
    let (folder, data_dir) = data_dir();
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .expect("set");
    let mut serve = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data_dir]);
    serve.env("NOTIFY_SOCKET", &path);
    serve.env("WATCHDOG_USEC", "400000");
    let served = Served::start_command(serve);
    let ready = hear_news(&socket);
    assert!(ready.contains("READY=1"), "{ready}");
    let status = format!("STATUS=listens on {}", served.url);
    assert!(ready.contains(&status), "{ready}");
    let answer = agent().get(format!("{}/readyz", served.url)).call();
    assert_eq!(answer.expect("an answer").status().as_u16(), 200);
    for _ in 0..3 {
        assert!(hear(&socket).contains("WATCHDOG=1"));
    }
    let (status, _) = served.stop();
    assert!(status.success());
    assert!(hear_news(&socket).contains("STOPPING=1"));
}

/// A socket that is not there, or nobody's, keeps nothing from working.
#[test]
fn a_service_manager_that_does_not_listen_is_no_fault() {
    let (folder, data_dir) = data_dir();
    let mut serve = command(&["serve", "--listen", "127.0.0.1:0", "--data-dir", &data_dir]);
    serve.env("NOTIFY_SOCKET", folder.path().join("nothing"));
    let served = Served::start_command(serve);
    let answer = agent().get(format!("{}/readyz", served.url)).call();
    assert_eq!(answer.expect("an answer").status().as_u16(), 200);
    let (status, said) = served.stop();
    assert!(status.success());
    assert!(
        said.contains("the service manager could not be told"),
        "{said}"
    );
}
