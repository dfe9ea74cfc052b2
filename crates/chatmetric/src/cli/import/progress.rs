//! What a person sees while files are loaded: a bar on a terminal, nothing elsewhere.

use super::work::Tally;
use crate::cli::Terminal;
use crate::cli::text_table::grouped;
use crate::clock::Clock;
use crate::ingest::file::LoadReport;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::Cell;
use std::io::Read;
use std::rc::Rc;
use std::sync::Arc;

/// Rows between two looks at the clock.
const TICK_ROWS: u64 = 2_000;

/// Counts what is read of a file, before it is decompressed.
pub(super) struct Counted {
    pub(super) input: Box<dyn Read>,
    pub(super) bytes: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        let read = self.input.read(to)?;
        let more = u64::try_from(read).unwrap_or(u64::MAX);
        self.bytes.set(self.bytes.get().saturating_add(more));
        Ok(read)
    }
}

/// The progress bar; on a terminal only.
pub(super) struct Progress {
    bar: ProgressBar,
    clock: Arc<dyn Clock>,
    started_ms: u64,
    bytes_before: u64,
    pub(super) bytes_of_file: Rc<Cell<u64>>,
    /// At the last look.
    rows: u64,
}

impl Progress {
    pub(super) fn new(bytes_total: Option<u64>, terminal: &Terminal) -> Self {
        let bar = match bytes_total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::no_length(),
        };
        let template = if bytes_total.is_some() {
            "{wide_bar:.green/dim} {percent:>3} %  ETA {eta}\n{msg}"
        } else {
            "{spinner} {bytes} read\n{msg}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_draw_target(if terminal.stderr_is_terminal() && !terminal.quiet() {
            ProgressDrawTarget::stderr_with_hz(10)
        } else {
            ProgressDrawTarget::hidden()
        });
        let clock = crate::cli::data_dir::system_clock();
        let started_ms = clock.monotonic_ms();
        Self {
            bar,
            clock,
            started_ms,
            bytes_before: 0,
            bytes_of_file: Rc::default(),
            rows: 0,
        }
    }

    /// Shows how far it is, now and then; `true` when it looked.
    pub(super) fn tick(&mut self, tally: &Tally, report: &LoadReport) -> bool {
        let rows = tally.events + tally.ignored + tally.bad;
        if rows.saturating_sub(self.rows) < TICK_ROWS {
            return false;
        }
        self.rows = rows;
        let elapsed_ms = (self.clock.monotonic_ms() - self.started_ms).max(1);
        self.bar
            .set_position(self.bytes_before + self.bytes_of_file.get());
        self.bar.set_message(format!(
            "{} rows, {} rows/s  new {}  duplicate {}  late {}  quarantined {}  bad {}",
            grouped(rows),
            grouped(rows.saturating_mul(1000) / elapsed_ms),
            grouped(report.new),
            grouped(report.duplicate),
            grouped(report.late),
            grouped(report.quarantined),
            grouped(tally.bad),
        ));
        true
    }

    pub(super) fn file_done(&mut self) {
        self.bytes_before += self.bytes_of_file.take();
    }

    pub(super) fn above(&self, write: impl FnOnce()) {
        self.bar.suspend(write);
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
