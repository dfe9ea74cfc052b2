//! Wildcards: `*` is any text, `?` any one character. Linear in practice, quadratic at worst, with
//! no recursion and no allocation. Most patterns of a policy do not match what is asked, so the
//! plain text at both ends of a pattern is looked at first.
//!
//! Invariant: the answer equals that of the textbook recursive definition.

/// A pattern, cut once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    text: String,
    /// Bytes before the first wildcard.
    head_bytes: usize,
    /// Where the bytes after the last wildcard begin.
    tail_from: usize,
}

impl Pattern {
    pub(super) fn new(text: String) -> Self {
        let wild = |c: char| matches!(c, '*' | '?');
        let head_bytes = text.find(wild).unwrap_or(text.len());
        let tail_from = text.rfind(wild).map_or(0, |last| last + 1);
        Self {
            text,
            head_bytes,
            tail_from,
        }
    }

    /// Whether it matches all of `text`; `fold_case` ignores ASCII case.
    pub(super) fn matches(&self, text: &str, fold_case: bool) -> bool {
        self.ends_fit(text.as_bytes(), fold_case) && matches_fully(&self.text, text, fold_case)
    }

    /// Bytes will do: equal characters are equal bytes, and case is that of ASCII.
    fn ends_fit(&self, text: &[u8], fold_case: bool) -> bool {
        let pattern = self.text.as_bytes();
        let head = pattern.get(..self.head_bytes).unwrap_or_default();
        let tail = pattern.get(self.tail_from..).unwrap_or_default();
        let same = |plain: &[u8], part: Option<&[u8]>| match part {
            Some(part) if fold_case => part.eq_ignore_ascii_case(plain),
            Some(part) => part == plain,
            None => false,
        };
        let from = text.len().checked_sub(tail.len());
        same(tail, from.and_then(|from| text.get(from..))) && same(head, text.get(..head.len()))
    }
}

/// The definition, on characters.
fn matches_fully(pattern: &str, text: &str, fold_case: bool) -> bool {
    let same = |a: char, b: char| a == b || (fold_case && a.eq_ignore_ascii_case(&b));
    let mut pattern = pattern.chars();
    let mut text = text.chars();
    // Where to go on after the last `*`, when what follows it did not match.
    let mut retry: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let advanced = match pattern.next() {
            Some('*') => {
                retry = Some((pattern.clone(), text.clone()));
                true
            }
            Some(wanted) => text
                .next()
                .is_some_and(|c| wanted == '?' || same(wanted, c)),
            None if text.as_str().is_empty() => return true,
            None => false,
        };
        if advanced {
            continue;
        }
        let Some((after_star, mut from)) = retry.take() else {
            return false;
        };
        if from.next().is_none() {
            return false;
        }
        pattern = after_star.clone();
        text = from.clone();
        retry = Some((after_star, from));
    }
}
