//! The end of `chatmetric serve`, whatever hangs.
//!
//! A stop waits for requests, threads and the store. A disk that does not answer would hold
//! any of them for ever, so a thread that needs none of them watches the time.
//!
//! Not here: what is waited for (`server/mod.rs`, `serve.rs`). Invariant: once it began, the
//! process ends within [`STOP_TIMEOUT`], and at once at a signal; only what was acknowledged
//! counts, and that is durable long before.

use super::Terminal;
use super::serve::Signals;
use crate::server::limits::STOP_TIMEOUT;
use std::io;
use std::sync::mpsc;
use tokio::runtime::Runtime;

/// A stop that has not begun.
pub(super) struct Stop {
    begin: mpsc::Sender<()>,
    listens: mpsc::Receiver<()>,
}

impl Stop {
    /// Makes what a stop needs while the system still has it.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn prepare(terminal: &Terminal) -> io::Result<Self> {
        // Of its own: the runtime of the server is a part of what may hang.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (begin, begun) = mpsc::channel();
        let (listening, listens) = mpsc::channel();
        let terminal = terminal.clone();
        std::thread::Builder::new()
            .name("stop".to_owned())
            .spawn(move || {
                if begun.recv().is_ok() {
                    end(&runtime, &listening, &terminal);
                }
            })?;
        Ok(Self { begin, listens })
    }

    /// From now on the process ends in time.
    pub(super) fn begin(self) {
        // Signals are heard when this returns.
        if self.begin.send(()).is_ok() {
            let _ = self.listens.recv();
        }
    }
}

#[expect(
    clippy::exit,
    reason = "whatever could be waited for in an orderly end is what hangs"
)]
fn end(runtime: &Runtime, listening: &mpsc::Sender<()>, terminal: &Terminal) {
    let why = runtime.block_on(async {
        let signals = Signals::new();
        let _ = listening.send(());
        let again = async {
            match signals {
                Ok(mut signals) => signals.wait_for_stop(None).await,
                // The time is left.
                Err(_) => std::future::pending().await,
            }
        };
        tokio::select! {
            () = tokio::time::sleep(STOP_TIMEOUT) => "not everything ended in time",
            () = again => "stopped at once",
        }
    });
    terminal.warn(&format!("{why}; what was acknowledged is kept"));
    std::process::exit(0);
}
