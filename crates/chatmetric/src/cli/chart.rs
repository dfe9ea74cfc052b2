//! Sent and delivered, drawn with characters: a column for each bucket (or for
//! several, when there are more than fit), and a line for each number.
//!
//! The two series differ by the shape of their characters, so that the chart
//! reads without colours, through a pipe and on paper. Not here: any counting;
//! it draws the rows that it is given.

use super::terminal::{Painter, Style};
use super::text_table::{Align, TextTable, grouped, percent};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::collections::BTreeMap;

/// Rows of the drawing.
const HEIGHT: usize = 12;
/// Widest column of one bucket, with its gap.
const COLUMN_WIDTH_MAX: usize = 6;
/// Most numbers that get a line of their own.
const NUMBER_LINES_MAX: usize = 40;
/// Characters of a sparkline at most.
const SPARK_WIDTH_MAX: usize = 35;
/// Most buckets that are drawn, before they are joined to columns.
const BUCKETS_MAX: i64 = 200_000;
const DAY_MS: i64 = 86_400_000;
const HALF_HOUR_MS: i64 = 1_800_000;
const EIGHTHS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One row of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) number: String,
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) sent: u64,
    pub(crate) delivered: u64,
}

/// How to draw.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    pub(crate) daily: bool,
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) zone: TimeZone,
    pub(crate) zone_name: String,
    pub(crate) width: usize,
    pub(crate) paint: Painter,
}

/// The sums of one column.
#[derive(Debug, Clone, Copy, Default)]
struct Column {
    start_ms: i64,
    sent: u64,
    delivered: u64,
}

impl Chart {
    pub(crate) fn render(&self, points: &[Point]) -> String {
        let Some(first_ms) = points.iter().map(|point| point.start_ms).min() else {
            return "no messages were counted in this range\n".to_owned();
        };
        let starts = self.bucket_starts(points, first_ms);
        let peak_label = grouped(points.iter().map(|p| p.sent.max(p.delivered)).sum());
        let room = self
            .width
            .saturating_sub(peak_label.chars().count() + 4)
            .max(10);
        let per_column = starts.len().div_ceil(room).max(1);
        let columns = sum_columns(&starts, per_column, points.iter());
        let mut text = self.title(points, per_column);
        text.push_str(&self.draw(&columns, room));
        text.push_str(&self.legend(&columns));
        text.push('\n');
        text.push_str(&self.numbers(points, &starts));
        text
    }

    const fn step_ms(&self) -> i64 {
        if self.daily { DAY_MS } else { HALF_HOUR_MS }
    }

    /// The starts of all buckets, also of those without a row. Days are not all
    /// equally long, so a gap is filled by whole days from its left end.
    fn bucket_starts(&self, points: &[Point], first_ms: i64) -> Vec<i64> {
        let known: BTreeMap<i64, i64> = points
            .iter()
            .map(|point| (point.start_ms, point.end_ms))
            .collect();
        let mut starts = Vec::new();
        let step = self.step_ms();
        let lead = first_ms.saturating_sub(self.start_ms).max(0) / step;
        let mut at = first_ms - lead.min(BUCKETS_MAX) * step;
        for (start, end) in &known {
            fill(&mut starts, at, *start, step);
            starts.push(*start);
            at = *end;
        }
        fill(&mut starts, at, self.end_ms.max(at), step);
        starts
    }

    fn title(&self, points: &[Point], per_column: usize) -> String {
        let mut numbers: Vec<&str> = points.iter().map(|point| point.number.as_str()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let whose = match numbers.as_slice() {
            [one] => (*one).to_owned(),
            many => format!("{} numbers", many.len()),
        };
        let unit = if self.daily { "day" } else { "half hour" };
        // Days are those of the space; in another zone their dates would mislead.
        let of_zone = points.iter().all(|point| self.is_midnight(point.start_ms));
        let zone = if self.daily && !of_zone {
            format!(
                "of the space's zone, named by its start in {}",
                self.zone_name
            )
        } else {
            self.zone_name.clone()
        };
        let bucket = if per_column == 1 {
            format!("each column is a {unit}")
        } else {
            format!("each column is {per_column} {unit}s")
        };
        format!(
            "{}  {}\n\n",
            self.paint
                .paint(Style::Bold, &format!("Messages of {whose}")),
            self.paint.paint(Style::Dim, &format!("{bucket}, {zone}"))
        )
    }

    /// Whether a civil day of the chart's zone begins there; a day without a
    /// midnight begins later.
    fn is_midnight(&self, at_ms: i64) -> bool {
        Timestamp::from_millisecond(at_ms).is_ok_and(|at| {
            let zoned = at.to_zoned_datetime(self.zone.clone());
            zoned.start_of_day().is_ok_and(|start| start == zoned)
        })
    }

    fn draw(&self, columns: &[Column], room: usize) -> String {
        let top = nice_top(
            columns
                .iter()
                .map(|c| c.sent.max(c.delivered))
                .max()
                .unwrap_or(1),
        );
        let column_width = (room / columns.len().max(1)).clamp(1, COLUMN_WIDTH_MAX);
        let bar_width = if column_width > 1 {
            column_width - 1
        } else {
            1
        };
        let gap = " ".repeat(column_width - bar_width);
        let labels: Vec<String> = (0..=HEIGHT).map(|row| label_of(top, row)).collect();
        let label_width = labels
            .iter()
            .map(|label| label.chars().count())
            .max()
            .unwrap_or(0);
        let mut text = String::new();
        for row in (0..HEIGHT).rev() {
            let label = if (row + 1) % 4 == 0 {
                label_of(top, row + 1)
            } else {
                String::new()
            };
            let axis = if label.is_empty() { '│' } else { '┤' };
            let mut line = format!("{label:>label_width$} {axis} ");
            for column in columns {
                let (cell, style) = cell(column, top, row, self.paint.enabled);
                let bar = cell.to_string().repeat(bar_width);
                match style {
                    Some(style) => line.push_str(&self.paint.paint(style, &bar)),
                    None => line.push_str(&bar),
                }
                line.push_str(&gap);
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        let rule = "─".repeat(columns.len() * column_width + 1);
        text.push_str(&format!("{:>label_width$} └{rule}\n", "0"));
        text.push_str(&format!(
            "{:>label_width$}   {}\n",
            "",
            self.dates(columns, column_width).trim_end()
        ));
        text
    }

    /// Dates below the columns, as many as fit without touching.
    fn dates(&self, columns: &[Column], column_width: usize) -> String {
        let total = columns.len() * column_width;
        let mut line = vec![' '; total];
        let mut free_from = 0;
        for (index, column) in columns.iter().enumerate() {
            let label = self.date_label(column.start_ms);
            let at = index * column_width;
            if at < free_from || at + label.chars().count() > total {
                continue;
            }
            for (offset, character) in label.chars().enumerate() {
                if let Some(place) = line.get_mut(at + offset) {
                    *place = character;
                }
            }
            free_from = at + label.chars().count() + 3;
        }
        line.into_iter().collect()
    }

    fn date_label(&self, ms: i64) -> String {
        let Ok(timestamp) = Timestamp::from_millisecond(ms) else {
            return String::new();
        };
        let civil = self.zone.to_datetime(timestamp);
        let pattern = if self.daily { "%m-%d" } else { "%m-%d %H:%M" };
        civil.strftime(pattern).to_string()
    }

    fn legend(&self, columns: &[Column]) -> String {
        let sum = |of: fn(&Column) -> u64| columns.iter().map(of).sum::<u64>();
        let (sent, delivered) = (sum(|c| c.sent), sum(|c| c.delivered));
        let mut text = format!(
            "\n  {} delivered {}   {} sent {}   {}\n",
            self.paint.paint(Style::Green, "█"),
            self.paint.paint(Style::Bold, &grouped(delivered)),
            self.paint.paint(Style::Blue, "░"),
            self.paint.paint(Style::Bold, &grouped(sent)),
            percent(delivered, sent),
        );
        if columns.iter().any(|column| column.delivered > column.sent) {
            text.push_str(&format!(
                "  {} delivered here, sent earlier\n",
                self.paint.paint(Style::Cyan, "▒")
            ));
        }
        text
    }

    /// A line for each number, the busiest first.
    fn numbers(&self, points: &[Point], starts: &[i64]) -> String {
        let mut by_number: BTreeMap<&str, Vec<&Point>> = BTreeMap::new();
        for point in points {
            by_number.entry(&point.number).or_default().push(point);
        }
        let sent_of = |points: &[&Point]| points.iter().map(|point| point.sent).sum::<u64>();
        let mut lines: Vec<(&str, Vec<&Point>)> = by_number.into_iter().collect();
        lines.sort_by_key(|(number, points)| (std::cmp::Reverse(sent_of(points)), *number));
        let mut table = TextTable::new(&[
            ("NUMBER", Align::Left),
            ("SENT", Align::Left),
            ("", Align::Right),
            ("DELIVERED", Align::Right),
            ("RATE", Align::Right),
        ]);
        let per_spark = starts
            .len()
            .div_ceil(SPARK_WIDTH_MAX.min(self.width / 3))
            .max(1);
        for (number, points) in lines.iter().take(NUMBER_LINES_MAX) {
            let sent = sent_of(points);
            let delivered = points.iter().map(|point| point.delivered).sum();
            let columns = sum_columns(starts, per_spark, points.iter().copied());
            table.row(vec![
                (*number).to_owned(),
                sparkline(&columns),
                grouped(sent),
                grouped(delivered),
                percent(delivered, sent),
            ]);
        }
        let mut text = table.render(self.paint);
        if lines.len() > NUMBER_LINES_MAX {
            text.push_str(&format!(
                "and {} more numbers\n",
                lines.len() - NUMBER_LINES_MAX
            ));
        }
        text
    }
}

fn fill(starts: &mut Vec<i64>, from_ms: i64, to_ms: i64, step_ms: i64) {
    // The last day before a row may be an hour short or long: half a step decides.
    let mut at = from_ms;
    while at + step_ms / 2 < to_ms && i64::try_from(starts.len()).unwrap_or(i64::MAX) < BUCKETS_MAX
    {
        starts.push(at);
        at += step_ms;
    }
}

fn sum_columns<'a>(
    starts: &[i64],
    per_column: usize,
    points: impl Iterator<Item = &'a Point>,
) -> Vec<Column> {
    let mut columns: Vec<Column> = starts
        .chunks(per_column)
        .filter_map(|chunk| {
            Some(Column {
                start_ms: *chunk.first()?,
                ..Column::default()
            })
        })
        .collect();
    for point in points {
        let bucket = starts
            .partition_point(|start| *start <= point.start_ms)
            .saturating_sub(1);
        if let Some(column) = columns.get_mut(bucket / per_column) {
            column.sent += point.sent;
            column.delivered += point.delivered;
        }
    }
    columns
}

/// The least "round" number at or above the peak that divides well.
fn nice_top(peak: u64) -> u64 {
    let mut scale = 1_u64;
    loop {
        for step in [12, 15, 18, 24, 30, 36, 45, 60, 75, 90, 105] {
            let top = scale.saturating_mul(step);
            if top >= peak {
                return top;
            }
        }
        scale = scale.saturating_mul(10);
    }
}

fn label_of(top: u64, row: usize) -> String {
    let value = u128::from(top) * wide(row) / wide(HEIGHT);
    grouped(u64::try_from(value).unwrap_or(u64::MAX))
}

/// How many eighths of a row's cell a value fills, 0 to 8.
fn eighths(value: u64, top: u64, row: usize) -> usize {
    let total = u128::from(value) * wide(HEIGHT) * 8 / u128::from(top.max(1));
    let below = wide(row) * 8;
    usize::try_from(total.saturating_sub(below).min(8)).unwrap_or(8)
}

/// A number of rows, wide enough to be multiplied with any count.
fn wide(rows: usize) -> u128 {
    u128::try_from(rows).unwrap_or(0)
}

/// What one cell shows: delivered solid, what was sent beyond it light, what
/// was delivered beyond sent medium.
fn cell(column: &Column, top: u64, row: usize, colors: bool) -> (char, Option<Style>) {
    let both = eighths(column.sent.min(column.delivered), top, row);
    let most = eighths(column.sent.max(column.delivered), top, row);
    let (rest, rest_style) = if column.sent >= column.delivered {
        ('░', Style::Blue)
    } else {
        ('▒', Style::Cyan)
    };
    let bottom_of_something = row == 0 && column.sent.max(column.delivered) > 0;
    match (both, most) {
        (8, _) => ('█', Some(Style::Green)),
        (0, 0) if bottom_of_something => ('▁', Some(if colors { rest_style } else { Style::Dim })),
        (0, 0) => (' ', None),
        // The delivered part fills most of what is here: draw its height exactly.
        (both, most) if both * 2 >= most => {
            let shown = if most == 8 { both } else { most };
            let block = EIGHTHS.get(shown.saturating_sub(1)).copied().unwrap_or('█');
            (block, Some(Style::Green))
        }
        (_, most) if most >= 3 => (rest, Some(rest_style)),
        _ => (' ', None),
    }
}

fn sparkline(columns: &[Column]) -> String {
    let peak = columns
        .iter()
        .map(|column| column.sent)
        .max()
        .unwrap_or(0)
        .max(1);
    columns
        .iter()
        .map(|column| {
            if column.sent == 0 {
                return ' ';
            }
            let level = (u128::from(column.sent) * 7 / u128::from(peak)).min(7);
            EIGHTHS
                .get(usize::try_from(level).unwrap_or(7))
                .copied()
                .unwrap_or('█')
        })
        .collect()
}

#[cfg(test)]
mod tests;
