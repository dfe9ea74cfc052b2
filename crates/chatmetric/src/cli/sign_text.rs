//! An explanation as text: verdict and causes first, then the request, then what was signed.
//!
//! Lines are wrapped to the terminal, but what may be copied (canonical request, string to sign) is
//! never broken by a line end of ours. Without colours nothing is lost.

use super::output::plain;
use super::terminal::{Painter, Style};
use super::text_table::{Align, TextTable};
use chatmetric_rpc::explain::{
    Difference, Excerpt, Explanation, Finding, Line, Signed, Token, Verdict, Weight,
};

/// What a row has besides name and value, in characters.
const TABLE_CHARS: usize = 14;
/// The least of a value that is shown, in characters.
const VALUE_CHARS_MIN: usize = 24;

/// Renders an explanation.
pub(super) fn render(
    explanation: &Explanation,
    notes: &[String],
    paint: Painter,
    width: usize,
) -> String {
    let mut page = Page {
        out: String::new(),
        paint,
        width,
    };
    page.verdict(&explanation.verdict);
    for finding in &explanation.findings {
        page.finding(finding);
    }
    for comparison in &explanation.comparison {
        match &comparison.difference {
            None => page.text(
                "",
                &format!("the client's {} is equal to ours", comparison.text),
            ),
            Some(difference) => {
                page.text(
                    "",
                    &format!("the client's {} is not ours:", comparison.text),
                );
                page.difference(difference);
            }
        }
    }
    if !notes.is_empty() {
        page.line("");
    }
    for note in notes {
        page.text("note: ", note);
    }
    page.request(explanation);
    if let Some(signed) = &explanation.signed {
        page.signed(signed);
    }
    page.out
}

struct Page {
    out: String,
    paint: Painter,
    width: usize,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn heading(&mut self, heading: &str) {
        let heading = self.paint.paint(Style::Bold, heading);
        self.line(&format!("\n{heading}"));
    }

    /// Words, wrapped behind a lead.
    fn text(&mut self, lead: &str, text: &str) {
        let indent = lead.chars().count();
        for (index, line) in wrapped(&plain(text), self.width.saturating_sub(indent))
            .iter()
            .enumerate()
        {
            let blank = " ".repeat(indent);
            let start = if index == 0 { lead } else { &blank };
            self.line(&format!("{start}{line}"));
        }
    }

    fn verdict(&mut self, verdict: &Verdict) {
        let (style, words) = match verdict {
            Verdict::Matches => (Style::Green, "the signature matches".to_owned()),
            Verdict::DoesNotMatch => (Style::Red, "the signature does not match".to_owned()),
            Verdict::NotChecked => (Style::Yellow, "the signature was not checked".to_owned()),
            Verdict::Refused { code, .. } => (
                Style::Red,
                format!("the request is refused: {}", plain(code)),
            ),
        };
        let words = self.paint.paint(style, &words);
        self.line(&words);
    }

    fn finding(&mut self, finding: &Finding) {
        let (style, label) = match finding.weight {
            Weight::Cause => (Style::Red, "cause"),
            Weight::Warning => (Style::Yellow, "warning"),
            Weight::Note => (Style::Cyan, "note"),
        };
        let label = self.paint.paint(style, label);
        self.line(&format!("\n{label} {}", finding.code));
        self.text("  ", &finding.what);
        if let Some(difference) = &finding.difference {
            self.difference(difference);
        }
        if !finding.fix.is_empty() {
            self.text("  fix: ", &finding.fix);
        }
    }

    fn difference(&mut self, difference: &Difference) {
        let Difference {
            text,
            part,
            line,
            column,
            ours,
            theirs,
        } = difference;
        self.text(
            "  ",
            &format!("first difference: {text}, line {line}, column {column} ({part})"),
        );
        let mark = |excerpt: &Excerpt| " ".repeat(excerpt.at);
        self.line(&format!("    server  {}", plain(&ours.text)));
        self.line(&format!("    client  {}", plain(&theirs.text)));
        let caret = self.paint.paint(Style::Red, "^");
        self.line(&format!("            {}{caret}", mark(ours)));
    }

    fn request(&mut self, explanation: &Explanation) {
        let request = &explanation.request;
        self.heading("Request");
        let none = || "-".to_owned();
        let token = match request.security_token {
            Token::Absent => "none",
            Token::Signed => "present, signed",
            Token::Unsigned => "present, not signed",
        };
        for (name, value) in [
            ("method", request.method.clone()),
            ("signature", request.dialect.to_owned()),
            ("action", request.action.clone().unwrap_or_else(none)),
            ("version", request.version.clone().unwrap_or_else(none)),
            (
                "AccessKey id",
                request.access_key_id.clone().unwrap_or_else(none),
            ),
            (
                "time stamp",
                request.time_stamp.clone().unwrap_or_else(none),
            ),
            ("security token", token.to_owned()),
            ("body", format!("{} bytes", request.body_bytes)),
        ] {
            self.line(&format!("  {name:<15} {}", plain(&value)));
        }
        if !request.parameters.is_empty() {
            self.heading("Parameters, decoded");
            let mut table = table(&["NAME", "VALUE", "FROM"]);
            let names = longest(request.parameters.iter().map(|parameter| &parameter.name));
            for parameter in &request.parameters {
                let value = self.elided(&plain(&parameter.value), names);
                table.row(vec![
                    plain(&parameter.name),
                    value,
                    parameter.source.to_owned(),
                ]);
            }
            self.indented(&table.render(self.paint));
        }
        if !request.headers.is_empty() {
            self.heading("Headers");
            let mut table = table(&["SIGNED", "NAME", "VALUE"]);
            let names = longest(request.headers.iter().map(|header| &header.name));
            for header in &request.headers {
                let signed = if header.signed { "yes" } else { "no" };
                let value = self.elided(&plain(&header.value), names);
                table.row(vec![signed.to_owned(), plain(&header.name), value]);
            }
            self.indented(&table.render(self.paint));
        }
    }

    fn signed(&mut self, signed: &Signed) {
        let title = match signed.algorithm {
            "HMAC-SHA1" => "Parameters, sorted and encoded",
            _ => "Canonical request",
        };
        self.heading(title);
        self.lines(&signed.canonical);
        self.heading("String to sign");
        self.lines(&signed.string_to_sign);
        self.heading("Signature");
        self.line(&format!("  algorithm  {}", signed.algorithm));
        self.line(&format!("  key        {}", signed.key));
        let computed = signed
            .computed
            .as_deref()
            .unwrap_or("- (there is no secret)");
        self.line(&format!("  computed   {computed}"));
        self.line(&format!("  sent       {}", plain(&signed.sent)));
    }

    /// Each line below the name of its part: in one line they would not fit a narrow terminal.
    fn lines(&mut self, lines: &[Line]) {
        let mut before = "";
        for line in lines {
            if line.part != before {
                let part = self.paint.paint(Style::Dim, line.part);
                self.line(&format!("  {part}"));
                before = line.part;
            }
            self.line(&format!("    {}", plain(&line.text)));
        }
    }

    /// A value that leaves the row within the terminal; what is signed stands in full below.
    fn elided(&self, value: &str, name_chars: usize) -> String {
        let left = self.width.saturating_sub(name_chars + TABLE_CHARS);
        let most = left.max(VALUE_CHARS_MIN);
        if value.chars().count() <= most {
            return value.to_owned();
        }
        let kept: String = value.chars().take(most - 1).collect();
        kept + "…"
    }

    fn indented(&mut self, text: &str) {
        for line in text.lines() {
            self.line(&format!("  {line}"));
        }
    }
}

fn longest<'a>(names: impl Iterator<Item = &'a String>) -> usize {
    names.map(|name| name.chars().count()).max().unwrap_or(0)
}

fn table(columns: &[&str]) -> TextTable {
    let columns: Vec<(&str, Align)> = columns.iter().map(|name| (*name, Align::Left)).collect();
    TextTable::new(&columns)
}

/// Breaks text between words.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
