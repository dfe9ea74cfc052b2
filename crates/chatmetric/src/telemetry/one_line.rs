//! The fields of a line of the log as text, so that an event is a line and no more: what
//! would end it, move a cursor or turn the direction of letters is escaped.
//!
//! Texts come from requests, files and other machines. Lines of JSON are not made here: they
//! are for programs, and JSON escapes what would end them. Within a line a text may still look
//! like another field. Invariant: of a message and of a value no control character is written.

use std::fmt::{self, Debug, Write};
use tracing::field::Field;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

/// Fields as `message name=value name=value`.
pub(super) fn fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    debug_fn(field).delimited(" ")
}

fn field(line: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    let name = field.name();
    if name == "message" {
        return write!(OneLine(line), "{value:?}");
    }
    // Names are of the program.
    match line.has_ansi_escapes() {
        true => write!(line, "\u{1b}[3m{name}\u{1b}[0m\u{1b}[2m=\u{1b}[0m")?,
        false => write!(line, "{name}=")?,
    }
    write!(OneLine(line), "{value:?}")
}

struct OneLine<'l, 'w>(&'l mut Writer<'w>);

impl Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for c in text.chars() {
            if acts(c) {
                write!(self.0, "{}", c.escape_default())?;
            } else {
                self.0.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Whether a character does something besides being seen.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        )
}
