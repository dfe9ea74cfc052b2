//! The CPU of an event as bars on a logarithmic scale, in SVG.
//!
//! Not a plotting library: one picture. Invariant: it is readable on light and on
//! dark pages, because its colours follow the reader's scheme and it paints no
//! background.

use crate::statistics::Spread;
use crate::table::Table;
use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
/// Where bars begin, and where the scale ends.
const LEFT: f64 = 300.0;
const RIGHT: f64 = 770.0;
const TOP: f64 = 64.0;
const ROW: f64 = 30.0;
const BAR: f64 = 18.0;

const STYLE: &str = "
    text { font: 13px system-ui, sans-serif; fill: #1f2328; }
    .title { font-size: 15px; font-weight: 600; }
    .quiet { fill: #59636e; }
    .grid { stroke: #d1d9e0; }
    .ours { fill: #1a7f37; }
    .rival { fill: #57799e; }
    .spread { stroke: #1f2328; stroke-width: 1.5; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .quiet { fill: #9198a1; }
      .grid { stroke: #3d444d; }
      .ours { fill: #3fb950; }
      .rival { fill: #7ba0c9; }
      .spread { stroke: #e6edf3; }
    }
";

/// Powers of ten around all values.
struct Scale {
    first: i32,
    last: i32,
}

impl Scale {
    fn around(spreads: &[Spread]) -> Self {
        let least = spreads.iter().map(|it| it.min).fold(f64::MAX, f64::min);
        let most = spreads.iter().map(|it| it.max).fold(0.0, f64::max);
        // On a logarithmic scale nothing begins at 0: leave the shortest bar a length.
        let first = (least / 2.0).log10().floor() as i32;
        Self {
            first,
            last: (most.log10().ceil() as i32).max(first + 1),
        }
    }

    fn x(&self, value: f64) -> f64 {
        let share = (value.log10() - f64::from(self.first)) / f64::from(self.last - self.first);
        LEFT + share * (RIGHT - LEFT)
    }
}

/// The picture of a run; candidates that were not measured have no bar.
pub(crate) fn svg(table: &Table) -> String {
    let bars: Vec<_> = table
        .rows
        .iter()
        .filter_map(|row| Some((row.entrant, row.cpu_us()?)))
        .collect();
    let spreads: Vec<Spread> = bars.iter().map(|(_, spread)| *spread).collect();
    let scale = Scale::around(&spreads);
    let bottom = TOP + ROW * bars.len() as f64;
    let height = bottom + 30.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         width=\"{WIDTH}\" height=\"{height}\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">CPU time of an event, durable and counted exactly, by store</title>\n\
         <style>{STYLE}</style>\n\
         <text class=\"title\" x=\"16\" y=\"26\">CPU us/event: durable, counted exactly, batches of 1,000</text>\n\
         <text class=\"quiet\" x=\"16\" y=\"46\">logarithmic scale; median, min and max of {} rounds; less is better</text>\n",
        table.rounds
    );
    if !bars.is_empty() {
        grid(&mut text, &scale, bottom);
    }
    for (index, (entrant, spread)) in bars.iter().enumerate() {
        let class = if entrant.is_ours() { "ours" } else { "rival" };
        let y = TOP + ROW * index as f64 + (ROW - BAR) / 2.0;
        bar(&mut text, &scale, y, class, entrant.title(), spread);
    }
    text.push_str("</svg>\n");
    text
}

fn grid(text: &mut String, scale: &Scale, bottom: f64) {
    for power in scale.first..=scale.last {
        let value = 10_f64.powi(power);
        let x = scale.x(value);
        let _ = writeln!(
            text,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\n\
             <text class=\"quiet\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value}</text>",
            bottom + 18.0
        );
    }
}

fn bar(text: &mut String, scale: &Scale, y: f64, class: &str, title: &str, spread: &Spread) {
    let end = scale.x(spread.median);
    let (least, most) = (scale.x(spread.min), scale.x(spread.max));
    let (middle, base) = (y + BAR / 2.0, y + BAR / 2.0 + 4.5);
    let _ = writeln!(
        text,
        "<text x=\"{:.1}\" y=\"{base:.1}\" text-anchor=\"end\">{title}</text>\n\
         <rect class=\"{class}\" x=\"{LEFT}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"2\"/>\n\
         <line class=\"spread\" x1=\"{least:.1}\" x2=\"{most:.1}\" y1=\"{middle:.1}\" y2=\"{middle:.1}\"/>\n\
         <text x=\"{:.1}\" y=\"{base:.1}\">{:.2}</text>",
        LEFT - 10.0,
        end - LEFT,
        most + 8.0,
        spread.median,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::tests::table;

    #[test]
    fn bars_are_as_long_as_logarithms() {
        let scale = Scale { first: -1, last: 1 };
        assert!((scale.x(0.1) - LEFT).abs() < 1e-9);
        assert!((scale.x(1.0) - (LEFT + RIGHT) / 2.0).abs() < 1e-9);
        assert!((scale.x(10.0) - RIGHT).abs() < 1e-9);
    }

    #[test]
    fn those_that_were_measured_have_a_bar_and_both_schemes_have_colours() {
        let svg = svg(&table());
        assert_eq!(svg.matches("<rect class=\"ours\"").count(), 1);
        assert_eq!(svg.matches("<rect class=\"rival\"").count(), 3);
        assert!(svg.contains("prefers-color-scheme: dark"));
        assert!(!svg.contains("Redis"), "{svg}");
        assert!(!svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn nothing_measured_is_a_picture_too() {
        let mut table = table();
        table.rows.clear();
        assert!(svg(&table).ends_with("</svg>\n"));
    }
}
