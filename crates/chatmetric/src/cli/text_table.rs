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

    pub(crate) fn render(&self, paint: Painter) -> String {
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(index, (name, _))| {
                let cells = self
                    .rows
                    .iter()
                    .chain(&self.footer)
                    .filter_map(|row| row.get(index));
                cells
                    .map(|cell| cell.chars().count())
                    .max()
                    .unwrap_or(0)
                    .max(name.chars().count())
            })
            .collect();
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
            let rule: usize = widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
            text.push_str(&paint.paint(Style::Dim, &"─".repeat(rule)));
            text.push('\n');
            text.push_str(&paint.paint(Style::Bold, &line(footer)));
            text.push('\n');
        }
        text
    }
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
