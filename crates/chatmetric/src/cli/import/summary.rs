//! What became of the files, when they are loaded.

use super::work::Tally;
use crate::cli::Terminal;
use crate::cli::text_table::grouped;
use crate::ingest::file::LoadReport;

pub(super) fn summarize(tally: &Tally, report: &LoadReport, terminal: &Terminal) {
    let rows = tally.events + tally.ignored + tally.bad;
    terminal.say(&format!(
        "{} {}: new {}, duplicate {}, ignored {}, late {}, quarantined {}, bad {}",
        grouped(rows),
        if rows == 1 { "row" } else { "rows" },
        grouped(report.new),
        grouped(report.duplicate),
        grouped(report.ignored),
        grouped(report.late),
        grouped(report.quarantined),
        grouped(tally.bad),
    ));
    if !tally.ignored_words.is_empty() {
        let words: Vec<String> = tally
            .ignored_words
            .iter()
            .map(|(word, count)| format!("`{word}` {}", grouped(*count)))
            .collect();
        terminal.say(&format!(
            "statuses that are not counted: {}",
            words.join(", ")
        ));
    }
    if report.late > 0 {
        terminal.say(
            "late events are older than the floor: history must be loaded before the first `serve`",
        );
    }
    for (numbers, what) in [
        (&report.bound, "bound to the space"),
        (
            &report.held,
            "held until they are claimed (the space holds unknown numbers)",
        ),
        (&report.foreign, "not counted: they belong to another space"),
        (
            &report.too_many,
            "not counted: the space has its `numbers_max`",
        ),
        (
            &report.second_source,
            "not counted: another feed is counted for them (`chatmetric admin switch-source`)",
        ),
    ] {
        if !numbers.is_empty() {
            let shown: Vec<&str> = numbers.iter().take(10).map(String::as_str).collect();
            let more = numbers.len() - shown.len();
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            terminal.say(&format!("numbers {what}: {}{more}", shown.join(", ")));
        }
    }
}
