//! A picture of the long run: events/s and memory against the number of events.

use super::Round;
use super::report::number;
use serde_json::Value;
use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const PANEL: f64 = 180.0;
const LEFT: f64 = 70.0;
const TOP: f64 = 34.0;
const GAP: f64 = 56.0;

struct Panel {
    title: &'static str,
    of: fn(&Value) -> f64,
    /// A line to compare with.
    limit: Option<f64>,
}

const PANELS: [Panel; 2] = [
    Panel {
        title: "million events/s, one caller that waits",
        of: |part| number(part, &["events"]) / number(part, &["seconds"]) / 1e6,
        limit: None,
    },
    Panel {
        title: "memory (RSS), MiB",
        of: |part| number(part, &["rss_bytes"]) / 1024.0 / 1024.0,
        limit: Some(256.0),
    },
];

/// One line a round, readable on light and on dark ground.
pub(super) fn svg(rounds: &[Round]) -> String {
    let height = TOP + 2.0 * (PANEL + GAP);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <style>text{{fill:#555}}line{{stroke:#999}}polyline{{fill:none;stroke:#0a7d55;stroke-width:1.5;\
         stroke-opacity:.8}}@media(prefers-color-scheme:dark){{text{{fill:#bbb}}polyline{{stroke:#3ecf8e}}}}</style>\n"
    );
    for (place, panel) in PANELS.iter().enumerate() {
        draw(&mut text, panel, rounds, TOP + place as f64 * (PANEL + GAP));
    }
    text.push_str("</svg>\n");
    text
}

fn draw(text: &mut String, panel: &Panel, rounds: &[Round], top: f64) {
    let values = rounds
        .iter()
        .flat_map(|round| round.parts.iter().map(panel.of));
    let highest = values.fold(panel.limit.unwrap_or(0.0), f64::max) * 1.1;
    let total = rounds.iter().map(events).fold(0.0, f64::max);
    let x = |events: f64| LEFT + (WIDTH - LEFT - 20.0) * events / total;
    let y = |value: f64| top + PANEL * (1.0 - value / highest);
    let _ = writeln!(
        text,
        "<text x=\"{LEFT}\" y=\"{}\">{}</text>",
        top - 10.0,
        panel.title
    );
    for share in [0.0, 0.5, 1.0] {
        let value = highest * share / 1.1;
        let at = y(value);
        let _ = writeln!(
            text,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke-width=\".5\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value:.4}</text>",
            WIDTH - 20.0,
            LEFT - 8.0,
            at + 4.0,
        );
    }
    for share in [0.25, 0.5, 0.75, 1.0] {
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{:.0} M</text>",
            x(total * share),
            top + PANEL + 18.0,
            total * share / 1e6,
        );
    }
    if let Some(limit) = panel.limit {
        let at = y(limit);
        let _ = writeln!(
            text,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke-dasharray=\"4\"/>",
            WIDTH - 20.0,
        );
    }
    for round in rounds {
        let mut sum = 0.0;
        let points: Vec<String> = round
            .parts
            .iter()
            .map(|part| {
                sum += number(part, &["events"]);
                format!("{:.1},{:.1}", x(sum), y((panel.of)(part)))
            })
            .collect();
        let _ = writeln!(text, "<polyline points=\"{}\"/>", points.join(" "));
    }
}

fn events(round: &Round) -> f64 {
    round
        .parts
        .iter()
        .map(|part| number(part, &["events"]))
        .sum()
}
