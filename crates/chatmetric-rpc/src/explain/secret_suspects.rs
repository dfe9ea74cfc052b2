//! Mistakes in the secret itself: blanks, line ends and quotes that came with it.

use super::suspect::Suspect;
use crate::credential::SecretKey;

/// The secret with what is often copied along with it, and without it.
pub(super) fn secret_suspects<D: 'static>(
    secret: Option<&SecretKey>,
    set: impl Fn(&mut D, SecretKey) + Copy + 'static,
) -> Vec<Suspect<D>> {
    let Some(secret) = secret else {
        return Vec::new();
    };
    let fix = "Trim the secret where it is read: a file or a variable often ends with a line end.";
    let given = secret.expose();
    let trimmed = given.trim_ascii();
    let mut suspects = Vec::new();
    if trimmed.len() != given.len() {
        let what = "The secret that was given here has blanks or a line end around it; the client \
                    signs without them.";
        let trimmed = SecretKey::new(trimmed);
        suspects.push(
            Suspect::new(
                "secret-with-blanks-here",
                what,
                fix,
                move |draft: &mut D| {
                    set(draft, trimmed.clone());
                },
            )
            .paired(),
        );
    }
    let around: [(&str, &str, &[u8], &[u8]); 7] = [
        (
            "secret-with-line-end",
            "a line end (LF) behind it",
            b"",
            b"\n",
        ),
        (
            "secret-with-line-end",
            "a line end (CR LF) behind it",
            b"",
            b"\r\n",
        ),
        (
            "secret-with-line-end",
            "a carriage return behind it",
            b"",
            b"\r",
        ),
        ("secret-with-blanks", "a blank behind it", b"", b" "),
        ("secret-with-blanks", "a blank before it", b" ", b""),
        (
            "secret-with-quotes",
            "double quotes around it",
            b"\"",
            b"\"",
        ),
        ("secret-with-quotes", "single quotes around it", b"'", b"'"),
    ];
    suspects.extend(around.into_iter().map(|(code, how, before, after)| {
        let changed = SecretKey::new([before, trimmed, after].concat());
        let what = format!("The client's secret has {how}.");
        Suspect::new(code, what, fix, move |draft: &mut D| {
            set(draft, changed.clone())
        })
    }));
    suspects
}
