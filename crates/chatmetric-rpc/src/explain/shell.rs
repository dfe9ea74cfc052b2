//! Splits one command line as a POSIX shell does, with the `$'…'` quotes that browsers write when
//! they copy a request. It runs nothing and expands nothing.
//!
//! Invariant: a text that a shell would change (a variable, a substitution) is refused by name, so
//! the words are exactly what the command would get.

/// Why a command line cannot be split.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShellError {
    /// A quote is not closed.
    #[error("the quote {quote} that opens in line {line} is not closed")]
    OpenQuote {
        /// The quote as it was opened.
        quote: &'static str,
        /// Where.
        line: usize,
    },
    /// The shell would put something else there.
    #[error(
        "line {line} holds `{what}`, which only the shell can replace: paste the command with its \
         value, or put the text in single quotes"
    )]
    Expansion {
        /// The first characters of it.
        what: String,
        /// Where.
        line: usize,
    },
    /// `&`, `;` or a bracket outside of quotes.
    #[error(
        "the `{sign}` in line {line} is outside of quotes and ends the command for a shell: put \
         the URL in single quotes"
    )]
    Operator {
        /// The character.
        sign: char,
        /// Where.
        line: usize,
    },
    /// Text after the end of the command.
    #[error(
        "the command ends before line {line}: end each line but the last with `\\`, and remove \
         what is not the command"
    )]
    SecondLine {
        /// Where.
        line: usize,
    },
    /// `^` at the end of a line.
    #[error(
        "line {line} ends with `^` as in the command prompt of Windows: copy the command for bash"
    )]
    Caret {
        /// Where.
        line: usize,
    },
    /// Escapes that make no text.
    #[error("an escape of the `$'…'` in line {line} makes bytes that are not UTF-8")]
    NotUtf8 {
        /// Where.
        line: usize,
    },
}

/// The words of a command, and what stands behind a pipe or a redirection.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) words: Vec<String>,
    /// Where the output went (`| jq`, `> file`); it is no part of the request.
    pub(super) cut: bool,
}

pub(super) fn split(text: &str) -> Result<Words, ShellError> {
    let mut splitter = Splitter {
        rest: text.chars().peekable(),
        line: 1,
        words: Vec::new(),
        word: None,
    };
    let cut = splitter.run()?;
    Ok(Words {
        words: splitter.words,
        cut,
    })
}

struct Splitter<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
    words: Vec<String>,
    /// The word so far; `''` makes an empty one.
    word: Option<String>,
}

impl Splitter<'_> {
    fn next(&mut self) -> Option<char> {
        let next = self.rest.next();
        if next == Some('\n') {
            self.line += 1;
        }
        next
    }

    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    /// Returns whether it stopped at a pipe or a redirection.
    fn run(&mut self) -> Result<bool, ShellError> {
        while let Some(c) = self.next() {
            match c {
                ' ' | '\t' | '\r' => self.end_word(),
                '\n' => {
                    self.end_word();
                    return self.end_of_command().map(|()| false);
                }
                '\'' => self.single_quoted()?,
                '"' => self.double_quoted()?,
                '$' if self.rest.peek() == Some(&'\'') => {
                    self.next();
                    self.ansi_quoted()?;
                }
                '$' | '`' => self.dollar(c)?,
                '\\' => self.escaped(),
                '^' if matches!(self.rest.peek(), Some('\n' | '\r')) => {
                    return Err(ShellError::Caret { line: self.line });
                }
                '#' if self.word.is_none() => {
                    while self.rest.peek().is_some_and(|&c| c != '\n') {
                        self.next();
                    }
                }
                '|' | '>' | '<' => {
                    self.end_word();
                    self.drop_descriptor(c);
                    return Ok(true);
                }
                '&' | ';' | '(' | ')' => {
                    return Err(ShellError::Operator {
                        sign: c,
                        line: self.line,
                    });
                }
                plain => self.push(plain),
            }
        }
        self.end_word();
        Ok(false)
    }

    /// `2>` names a descriptor, not a word.
    fn drop_descriptor(&mut self, sign: char) {
        let descriptor = |word: &String| word.len() == 1 && word.starts_with(['1', '2']);
        if sign == '>' && self.words.last().is_some_and(descriptor) {
            self.words.pop();
        }
    }

    fn end_of_command(&mut self) -> Result<(), ShellError> {
        while let Some(c) = self.rest.peek() {
            if !c.is_whitespace() && !self.words.is_empty() {
                return Err(ShellError::SecondLine { line: self.line });
            }
            self.next();
        }
        Ok(())
    }

    fn escaped(&mut self) {
        match self.next() {
            None => self.push('\\'),
            Some('\n') => {}
            Some('\r') if self.rest.peek() == Some(&'\n') => {
                self.next();
            }
            Some(c) => self.push(c),
        }
    }

    fn open(&self, quote: &'static str, line: usize) -> ShellError {
        ShellError::OpenQuote { quote, line }
    }

    fn single_quoted(&mut self) -> Result<(), ShellError> {
        let line = self.line;
        self.word.get_or_insert_default();
        loop {
            match self.next() {
                None => return Err(self.open("'", line)),
                Some('\'') => return Ok(()),
                Some(c) => self.push(c),
            }
        }
    }

    fn double_quoted(&mut self) -> Result<(), ShellError> {
        let line = self.line;
        self.word.get_or_insert_default();
        loop {
            match self.next() {
                None => return Err(self.open("\"", line)),
                Some('"') => return Ok(()),
                Some(c @ ('$' | '`')) => self.dollar(c)?,
                Some('\\') => match self.next() {
                    None => return Err(self.open("\"", line)),
                    Some('\n') => {}
                    Some(c @ ('"' | '$' | '`' | '\\')) => self.push(c),
                    Some(c) => {
                        self.push('\\');
                        self.push(c);
                    }
                },
                Some(c) => self.push(c),
            }
        }
    }

    /// A `$` that begins nothing is itself.
    fn dollar(&mut self, sign: char) -> Result<(), ShellError> {
        let begins = |c: &char| c.is_ascii_alphanumeric() || "_{(@*#?$!-".contains(*c);
        if sign == '$' && !self.rest.peek().is_some_and(begins) {
            self.push('$');
            return Ok(());
        }
        let tail = self
            .rest
            .clone()
            .take_while(|c| c.is_ascii_alphanumeric() || "_{(".contains(*c));
        let what: String = std::iter::once(sign).chain(tail.take(24)).collect();
        Err(ShellError::Expansion {
            what,
            line: self.line,
        })
    }

    fn ansi_quoted(&mut self) -> Result<(), ShellError> {
        let line = self.line;
        let mut bytes = Vec::new();
        loop {
            match self.next() {
                None => return Err(self.open("$'", line)),
                Some('\'') => break,
                Some('\\') => self.ansi_escape(&mut bytes, line)?,
                Some(c) => push_utf8(c, &mut bytes),
            }
        }
        let text = String::from_utf8(bytes).map_err(|_| ShellError::NotUtf8 { line })?;
        self.word.get_or_insert_default().push_str(&text);
        Ok(())
    }

    fn ansi_escape(&mut self, bytes: &mut Vec<u8>, line: usize) -> Result<(), ShellError> {
        let Some(c) = self.next() else {
            return Err(self.open("$'", line));
        };
        match c {
            'n' => bytes.push(b'\n'),
            't' => bytes.push(b'\t'),
            'r' => bytes.push(b'\r'),
            'a' => bytes.push(0x07),
            'b' => bytes.push(0x08),
            'e' | 'E' => bytes.push(0x1b),
            'f' => bytes.push(0x0c),
            'v' => bytes.push(0x0b),
            '\\' | '\'' | '"' | '?' => push_utf8(c, bytes),
            'x' => self.byte(16, 2, 0, bytes),
            'u' => self.character(4, bytes),
            'U' => self.character(8, bytes),
            '0'..='7' => {
                let first = c.to_digit(8).unwrap_or_default();
                self.byte(8, 2, first, bytes);
            }
            other => {
                bytes.push(b'\\');
                push_utf8(other, bytes);
            }
        }
        Ok(())
    }

    fn number(&mut self, radix: u32, digits_max: usize, first: u32) -> u32 {
        let mut number = first;
        for _ in 0..digits_max {
            let Some(digit) = self.rest.peek().and_then(|c| c.to_digit(radix)) else {
                break;
            };
            number = number.wrapping_mul(radix).wrapping_add(digit);
            self.next();
        }
        number
    }

    fn byte(&mut self, radix: u32, digits_max: usize, first: u32, bytes: &mut Vec<u8>) {
        let number = self.number(radix, digits_max, first);
        bytes.push(u8::try_from(number & 0xff).unwrap_or_default());
    }

    fn character(&mut self, digits_max: usize, bytes: &mut Vec<u8>) {
        let number = self.number(16, digits_max, 0);
        let c = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
        push_utf8(c, bytes);
    }
}

fn push_utf8(c: char, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, words: &[&str]) {
        assert_eq!(
            split(text).map(|split| split.words),
            Ok(words.iter().map(|w| (*w).to_owned()).collect())
        );
    }

    #[test]
    fn quotes_and_continuations_are_those_of_a_shell() {
        check("curl a\tb", &["curl", "a", "b"]);
        check(
            "a 'b c' \"d 'e\" f\\ g ''",
            &["a", "b c", "d 'e", "f g", ""],
        );
        check("a \\\n  -H 'x: y' \\\r\n b\n\n", &["a", "-H", "x: y", "b"]);
        check(r#""a\"b\\c\d\$e" 'a\n'"#, &[r#"a"b\c\d$e"#, r"a\n"]);
        check("a'b'\"c\"$'d'", &["abcd"]);
        check("a # the rest\n", &["a"]);
        check("a#b $ \"$\" a$", &["a#b", "$", "$", "a$"]);
    }

    #[test]
    fn browsers_quote_with_a_dollar() {
        check(r"$'a\'b\n\x41\u00e9\U0001F600\101\\'", &["a'b\nAé😀A\\"]);
        check(r"$'\xc3\xa9'", &["é"]);
        assert_eq!(split(r"$'\xff'"), Err(ShellError::NotUtf8 { line: 1 }));
    }

    #[test]
    fn what_only_a_shell_can_know_is_refused_by_name() {
        let expansion = |what: &str, line| {
            Err(ShellError::Expansion {
                what: what.to_owned(),
                line,
            })
        };
        assert_eq!(split("a \\\n\"b $TOKEN c\""), expansion("$TOKEN", 2));
        assert_eq!(split("a ${X}"), expansion("${X", 1));
        assert_eq!(split("a $(date)"), expansion("$(date", 1));
        assert_eq!(split("a `date`"), expansion("`date", 1));
        assert_eq!(
            split("curl http://x/?a=1&b=2"),
            Err(ShellError::Operator { sign: '&', line: 1 })
        );
        assert_eq!(
            split("a 'b"),
            Err(ShellError::OpenQuote {
                quote: "'",
                line: 1
            })
        );
        assert_eq!(split("a\n \"b"), Err(ShellError::SecondLine { line: 2 }));
        assert_eq!(split("a ^\r\n b"), Err(ShellError::Caret { line: 1 }));
    }

    #[test]
    fn where_the_output_goes_is_no_part_of_the_request() {
        for text in [
            "a b | jq .Data",
            "a b > file",
            "a b 2>/dev/null",
            "a b>file",
        ] {
            let split = split(text).unwrap();
            assert!(split.cut, "{text}");
            assert_eq!(split.words, ["a", "b"], "{text}");
        }
    }
}
