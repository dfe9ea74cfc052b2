//! Stdout and stderr: what goes where, colours, width, and a closed pipe.

use super::CliError;
use super::text_table::TextTable;
use rustix::termios::{isatty, tcgetwinsize};
use std::io::{self, Write};

/// Width of output that does not go to a terminal, in columns.
const WIDTH_DEFAULT: usize = 80;
/// Widest output: longer lines are hard to read.
const WIDTH_MAX: usize = 160;

/// `--color`
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ColorChoice {
    /// Colours on a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// A style of text; without colours it is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
    Cyan,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Red => "31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Blue => "34",
            Self::Cyan => "36",
        }
    }
}

/// Adds styles, or leaves text as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Painter {
    pub(crate) enabled: bool,
}

impl Painter {
    pub(crate) fn paint(self, style: Style, text: &str) -> String {
        if self.enabled && !text.is_empty() {
            format!("\u{1b}[{}m{text}\u{1b}[0m", style.code())
        } else {
            text.to_owned()
        }
    }
}

/// The two streams of the process and how to write to them.
#[derive(Debug, Clone)]
pub struct Terminal {
    stdin_is_terminal: bool,
    stdout_is_terminal: bool,
    stderr_is_terminal: bool,
    color: ColorChoice,
    no_color: bool,
    quiet: bool,
    verbose: u8,
    width: usize,
}

impl Terminal {
    /// The streams of this process.
    #[must_use]
    pub fn of_process(color: ColorChoice, quiet: bool, verbose: u8) -> Self {
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            stdin_is_terminal: isatty(io::stdin()),
            stdout_is_terminal: isatty(io::stdout()),
            stderr_is_terminal: isatty(io::stderr()),
            color,
            no_color: dumb || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()),
            quiet,
            verbose,
            width: width(),
        }
    }

    /// Whether stdout is a terminal.
    #[must_use]
    pub const fn stdout_is_terminal(&self) -> bool {
        self.stdout_is_terminal
    }

    /// Whether stdin is a terminal.
    #[must_use]
    pub const fn stdin_is_terminal(&self) -> bool {
        self.stdin_is_terminal
    }

    /// Whether stderr is a terminal.
    #[must_use]
    pub const fn stderr_is_terminal(&self) -> bool {
        self.stderr_is_terminal
    }

    /// Columns to fill.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// `-q`
    #[must_use]
    pub const fn quiet(&self) -> bool {
        self.quiet
    }

    /// How often `-v`
    #[must_use]
    pub const fn verbose(&self) -> u8 {
        self.verbose
    }

    /// A table for stdout: through a pipe its lines are as long as they are.
    pub(crate) fn rendered(&self, table: &TextTable) -> String {
        let width = if self.stdout_is_terminal {
            self.width
        } else {
            usize::MAX
        };
        table.render_within(width, self.paint_stdout())
    }

    const fn colors(&self, is_terminal: bool) -> bool {
        match self.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !self.no_color,
        }
    }

    pub(crate) const fn paint_stdout(&self) -> Painter {
        Painter {
            enabled: self.colors(self.stdout_is_terminal),
        }
    }

    pub(crate) const fn paint_stderr(&self) -> Painter {
        Painter {
            enabled: self.colors(self.stderr_is_terminal),
        }
    }

    /// Writes data to stdout, as it is.
    pub(crate) fn data(&self, text: &str) -> Result<(), CliError> {
        let mut stdout = io::stdout().lock();
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
            .map_err(|error| CliError::output(&error))
    }

    /// Writes a line for people to stderr, unless `-q`.
    pub(crate) fn say(&self, line: &str) {
        if !self.quiet {
            self.write_stderr(line);
        }
    }

    /// Writes a line for people to stderr with `-v`.
    pub(crate) fn say_more(&self, line: &str) {
        if self.verbose > 0 {
            self.write_stderr(line);
        }
    }

    /// Writes a warning to stderr, also with `-q`.
    pub(crate) fn warn(&self, line: &str) {
        let label = self.paint_stderr().paint(Style::Yellow, "warning:");
        self.write_stderr(&format!("{label} {line}"));
    }

    pub(crate) fn print_error(&self, error: &CliError) {
        let text = error.to_string();
        if text.is_empty() {
            return;
        }
        let paint = self.paint_stderr();
        self.write_stderr(&format!("{} {text}", paint.paint(Style::Red, "error:")));
        for (index, hint) in error.hints().iter().enumerate() {
            if index == 0 {
                self.write_stderr("");
            }
            self.write_stderr(&format!("{} {hint}", paint.paint(Style::Cyan, "hint:")));
        }
    }

    #[expect(
        clippy::unused_self,
        reason = "what is written depends on the terminal"
    )]
    fn write_stderr(&self, line: &str) {
        // Nothing can be done for a reader who left.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }
}

/// `COLUMNS`, or what the terminal says, or a default.
fn width() -> usize {
    let named = std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse::<usize>().ok());
    let measured = || {
        let size = tcgetwinsize(io::stdout())
            .or_else(|_| tcgetwinsize(io::stderr()))
            .ok()?;
        Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
    };
    named
        .or_else(measured)
        .unwrap_or(WIDTH_DEFAULT)
        .clamp(40, WIDTH_MAX)
}
