//! A table of text: aligned columns, a header, no frame. Reads well without
//! colours, through a pipe and in a narrow terminal.

use super::terminal::{Painter, Style};

/// Where a column's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows of text below a header.
#[derive(Debug, Default)]
pub(crate) struct TextTable {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
    footer: Option<Vec<String>>,
}

impl TextTable {
    pub(crate) fn new(columns: &[(&str, Align)]) -> Self {
        Self {
            columns: columns
                .iter()
                .map(|(name, align)| ((*name).to_owned(), *align))
                .collect(),
            ..Self::default()
        }
    }

    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// A last row below a line.
    pub(crate) fn footer(&mut self, cells: Vec<String>) {
        self.footer = Some(cells);
    }

    /// Columns when they fit into `width` characters, else a record a row: a line that a
    /// terminal breaks cannot be read.
    pub(crate) fn render_within(&self, width: usize, paint: Painter) -> String {
        if line_width(&self.widths()) <= width {
            self.render(paint)
        } else {
            self.records(paint)
        }
    }

    /// Without a column, when the lines are wider than `width` with it.
    pub(crate) fn narrowed(mut self, width: usize, column: usize) -> Self {
        if line_width(&self.widths()) > width && column < self.columns.len() {
            self.columns.remove(column);
            for row in self.rows.iter_mut().chain(&mut self.footer) {
                if column < row.len() {
                    row.remove(column);
                }
            }
        }
        self
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.columns.iter().enumerate();
        let widths = columns.map(|(index, (name, _))| {
            let rows = self.rows.iter().chain(&self.footer);
            let cells = rows.filter_map(|row| row.get(index));
            let widest = cells.map(|cell| cell.chars().count()).max();
            widest.unwrap_or(0).max(name.chars().count())
        });
        widths.collect()
    }

    /// Each row as lines of its own, what is empty left out.
    fn records(&self, paint: Painter) -> String {
        let heads = self.columns.iter().map(|(name, _)| name);
        let width = heads.clone().map(|name| name.chars().count()).max();
        let width = width.unwrap_or(0);
        let records = self.rows.iter().chain(&self.footer).map(|row| {
            let cells = heads.clone().zip(row).filter(|(_, cell)| !cell.is_empty());
            let lines = cells.map(|(name, cell)| {
                let fill = " ".repeat(width.saturating_sub(name.chars().count()));
                format!("{}{fill}  {cell}\n", paint.paint(Style::Dim, name))
            });
            lines.collect::<String>()
        });
        records.collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn render(&self, paint: Painter) -> String {
        let widths = self.widths();
        let line = |cells: &[String]| -> String {
            let mut line = String::new();
            for (index, (width, (_, align))) in widths.iter().zip(&self.columns).enumerate() {
                let cell = cells.get(index).map_or("", String::as_str);
                let fill = " ".repeat(width.saturating_sub(cell.chars().count()));
                if index > 0 {
                    line.push_str("  ");
                }
                match align {
                    Align::Left => line.push_str(&format!("{cell}{fill}")),
                    Align::Right => line.push_str(&format!("{fill}{cell}")),
                }
            }
            line.truncate(line.trim_end().len());
            line
        };
        let header: Vec<String> = self.columns.iter().map(|(name, _)| name.clone()).collect();
        let mut text = paint.paint(Style::Bold, &line(&header));
        text.push('\n');
        for row in &self.rows {
            text.push_str(&line(row));
            text.push('\n');
        }
        if let Some(footer) = &self.footer {
            let rule = "─".repeat(line_width(&widths));
            text.push_str(&paint.paint(Style::Dim, &rule));
            text.push('\n');
            text.push_str(&paint.paint(Style::Bold, &line(footer)));
            text.push('\n');
        }
        text
    }
}

/// Characters of a line: columns with two spaces between them.
fn line_width(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)
}

/// A count with thousands apart: `1,234,567`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `delivered` of `sent` in percent, or a dash when nothing was sent.
pub(crate) fn percent(delivered: u64, sent: u64) -> String {
    if sent == 0 {
        return "–".to_owned();
    }
    let per_mille = u128::from(delivered) * 1000 / u128::from(sent);
    format!("{}.{} %", per_mille / 10, per_mille % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wider_than_the_terminal_is_a_record_a_row() {
        let mut table = TextTable::new(&[("ID", Align::Left), ("SENT", Align::Right)]);
        table.row(vec!["space-a".to_owned(), "12".to_owned()]);
        table.row(vec!["space-b".to_owned(), String::new()]);
        let paint = Painter { enabled: false };
        let columns = "ID       SENT\nspace-a    12\nspace-b\n";
        assert_eq!(table.render_within(13, paint), columns);
        let records = "ID    space-a\nSENT  12\n\nID    space-b\n";
        assert_eq!(table.render_within(12, paint), records);
        let narrowed = table.narrowed(12, 1).render(paint);
        assert_eq!(narrowed, "ID\nspace-a\nspace-b\n");
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_234_567, "1,234,567"),
            (12_345, "12,345"),
        ] {
            assert_eq!(grouped(count), text);
        }
    }

    #[test]
    fn columns_are_aligned_and_lines_have_no_blanks_at_the_end() {
        let mut table = TextTable::new(&[("NAME", Align::Left), ("SENT", Align::Right)]);
        table.row(vec!["a".into(), "1".into()]);
        table.row(vec!["long name".into(), "1,000".into()]);
        table.footer(vec!["total".into(), "1,001".into()]);
        let text = table.render(Painter { enabled: false });
        expect_test::expect![[r#"
            NAME        SENT
            a              1
            long name  1,000
            ────────────────
            total      1,001
        "#]]
        .assert_eq(&text);
    }
}
