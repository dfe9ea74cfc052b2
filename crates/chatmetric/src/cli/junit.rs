//! A conformance report as JUnit XML, the form that CI systems read.
//!
//! A dozen lines of XML written by hand, instead of a library with a writer, dates and ids: the
//! form has four elements here. Invariant: every text is escaped, so the document is well-formed
//! whatever an endpoint answered.

use crate::conformance::{CaseReport, Outcome};

/// Renders the report.
pub(super) fn render(endpoint: &str, reports: &[CaseReport]) -> String {
    let count = |wanted: fn(&Outcome) -> bool| {
        reports
            .iter()
            .filter(|report| wanted(&report.outcome))
            .count()
    };
    let failures = count(|outcome| matches!(outcome, Outcome::Failed { .. }));
    let skipped = count(|outcome| matches!(outcome, Outcome::Skipped { .. }));
    let took_ms: u64 = reports.iter().map(|report| report.took_ms).sum();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    out.push_str(&format!(
        "<testsuite name=\"chatmetric conformance {}\" tests=\"{}\" failures=\"{failures}\" \
         errors=\"0\" skipped=\"{skipped}\" time=\"{}\">\n",
        escaped(endpoint),
        reports.len(),
        seconds(took_ms),
    ));
    for report in reports {
        out.push_str(&format!(
            "  <testcase classname=\"{}\" name=\"{}\" time=\"{}\"",
            match report.origin {
                crate::conformance::Origin::Vendor => "vendor",
                crate::conformance::Origin::Ours => "ours",
            },
            escaped(report.name),
            seconds(report.took_ms),
        ));
        match &report.outcome {
            Outcome::Passed => out.push_str("/>\n"),
            Outcome::Failed { expected, got } => out.push_str(&format!(
                ">\n    <failure message=\"{}\">expected {}\ngot {}</failure>\n  </testcase>\n",
                escaped(report.checks),
                escaped(expected),
                escaped(got),
            )),
            Outcome::Skipped { why } => out.push_str(&format!(
                ">\n    <skipped message=\"{}\"/>\n  </testcase>\n",
                escaped(why)
            )),
        }
    }
    out.push_str("</testsuite>\n");
    out
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1_000, ms % 1_000)
}

/// Text for content and attributes; what XML cannot hold is replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Origin;

    #[test]
    fn texts_cannot_break_the_document() {
        let report = |name, outcome| CaseReport {
            name,
            checks: "a & b",
            origin: Origin::Ours,
            outcome,
            took_ms: 1_005,
        };
        let reports = [
            report("good", Outcome::Passed),
            report(
                "bad",
                Outcome::Failed {
                    expected: "x".into(),
                    got: "</failure>\u{1b}\"]]>".into(),
                },
            ),
            report(
                "none",
                Outcome::Skipped {
                    why: "\"no\"".into(),
                },
            ),
        ];
        expect_test::expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuite name="chatmetric conformance http://h" tests="3" failures="1" errors="0" skipped="1" time="3.015">
              <testcase classname="ours" name="good" time="1.005"/>
              <testcase classname="ours" name="bad" time="1.005">
                <failure message="a &amp; b">expected x
            got &lt;/failure&gt;�&quot;]]&gt;</failure>
              </testcase>
              <testcase classname="ours" name="none" time="1.005">
                <skipped message="&quot;no&quot;"/>
              </testcase>
            </testsuite>
        "#]]
        .assert_eq(&render("http://h", &reports));
    }
}
