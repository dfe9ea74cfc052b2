//! Cells of every CSV that leaves the program, for whoever opens it in a spreadsheet.
//!
//! Invariant: no cell begins with what a spreadsheet takes for a formula; figures stay
//! figures, as long as they are written without a sign.

use std::borrow::Cow;

/// A text that is no formula: with an apostrophe in front where it would be one.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        Cow::Owned(format!("'{text}"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A text as a cell: no formula, and quoted where it must be, also where a spreadsheet
/// takes semicolons for the ends of cells.
pub(crate) fn cell(text: &str) -> Cow<'_, str> {
    let safe = safe(text);
    if matches!(safe, Cow::Owned(_)) || safe.contains(['"', ',', ';', '\n', '\r']) {
        format!("\"{}\"", safe.replace('"', "\"\"")).into()
    } else {
        safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        assert_eq!(cell("15550100101"), "15550100101");
        assert_eq!(cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(cell("a;=1+1"), "\"a;=1+1\"");
        assert_eq!(
            safe("2026-11-01T00:00:00+08:00"),
            "2026-11-01T00:00:00+08:00"
        );
        for formula in ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1"] {
            assert_eq!(safe(formula), format!("'{formula}"));
            assert_eq!(cell(formula), format!("\"'{formula}\""));
        }
    }
}
