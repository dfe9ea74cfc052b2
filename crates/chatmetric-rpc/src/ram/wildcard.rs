//! Wildcards: `*` is any text, `?` any one character. Linear in practice, quadratic at worst, with
//! no recursion and no allocation.
//!
//! Invariant: the answer equals that of the textbook recursive definition.

/// Whether `pattern` matches all of `text`; `fold_case` ignores ASCII case.
pub(super) fn matches(pattern: &str, text: &str, fold_case: bool) -> bool {
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
