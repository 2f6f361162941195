//! What is wrong with a configuration, shown the way compilers show it.

use std::error::Error;
use std::fmt;
use std::ops::Range;

/// Everything that is wrong with a configuration, in the order of files and lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            fmt::Display::fmt(error, f)?;
        }
        Ok(())
    }
}

impl Error for ConfigErrors {}

/// One thing that is wrong, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as a person would open it.
    pub file: String,
    /// The line, from 1; 0 when the whole file is meant.
    pub line: u32,
    /// The column in characters (in a table: the cell), from 1; 0 when the whole file is meant.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// The line as it stands in the file.
    pub snippet: Option<Snippet>,
    /// What to write instead.
    pub hint: Option<String>,
}

/// A line of a file and the part of it that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The line without its end.
    pub text: String,
    /// The bytes of `text` that are meant.
    pub marked: Range<usize>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, "error: ", "hint: ")
    }
}

impl ConfigError {
    /// Writes it as `Display` does, with other words before the message and before the hint.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write(&self, f: &mut impl fmt::Write, error_is: &str, hint_is: &str) -> fmt::Result {
        let Self { file, line, column, message, snippet, hint } = self;
        match line {
            0 => write!(f, "{error_is}{file}: {message}")?,
            _ => write!(f, "{error_is}{file}:{line}:{column}: {message}")?,
        }
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        if let Some(Snippet { text, marked }) = snippet {
            let before = text.get(..marked.start).unwrap_or_default();
            let meant = text.get(marked.clone()).unwrap_or_default();
            let blanks: String = before.chars().map(blank).collect();
            let carets: usize = meant.chars().map(|letter| if is_wide(letter) { 2 } else { 1 }).sum();
            write!(f, "\n{margin} |\n{number} | {text}\n{margin} | {blanks}{}", "^".repeat(carets.max(1)))?;
        }
        hint.iter().try_for_each(|hint| write!(f, "\n{margin} = {hint_is}{hint}"))
    }
}

/// Returns a blank as wide as a letter, so that the caret stands below what it points at.
fn blank(letter: char) -> char {
    match letter {
        '\t' => '\t',
        letter if is_wide(letter) => '\u{3000}',
        _ => ' ',
    }
}

/// Tells whether a terminal gives a letter two columns: CJK and full-width forms.
fn is_wide(letter: char) -> bool {
    matches!(letter, '\u{1100}'..='\u{115F}' | '\u{2E80}'..='\u{A4CF}' | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}' | '\u{FE30}'..='\u{FE6F}' | '\u{FF00}'..='\u{FF60}' | '\u{FFE0}'..='\u{FFE6}'
        | '\u{1F300}'..='\u{1FAFF}' | '\u{20000}'..='\u{3FFFD}')
}

/// A text file whose parts are pointed at by byte ranges.
pub(crate) struct Page<'a> {
    pub(crate) file: &'a str,
    pub(crate) text: &'a str,
}

impl Page<'_> {
    /// Builds the error about a part of the file.
    pub(crate) fn error(&self, span: Range<usize>, message: String, hint: Option<String>) -> ConfigError {
        let start = self.text.floor_char_boundary(span.start.min(self.text.len()));
        let end = self.text.floor_char_boundary(span.end.clamp(start, self.text.len()));
        let line_start = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_length = self.text[line_start..].find('\n').unwrap_or(self.text.len() - line_start);
        let text = self.text[line_start..line_start + line_length].trim_end();
        let marked = (start - line_start).min(text.len())..(end - line_start).min(text.len());
        let count = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
        ConfigError {
            file: self.file.to_owned(),
            line: count(self.text[..line_start].matches('\n').count()),
            column: count(self.text[line_start..start].chars().count()),
            message,
            snippet: Some(without_value(text, marked)),
            hint,
        }
    }
}

/// Tells whether a key is named like a secret. `token_url` is an address.
pub(crate) fn sounds_secret(key: &str) -> bool {
    const WORDS: [&str; 6] = ["secret", "password", "token", "signature", "private", "app_key"];
    let key = key.trim().to_lowercase();
    WORDS.iter().any(|word| key.contains(word)) && !key.ends_with("url") && key != "target_app_key"
}

/// Cuts the value off a line that seems to hold a secret: a message may end up in a log.
fn without_value(text: &str, marked: Range<usize>) -> Snippet {
    const VALUES: [&str; 5] = ["secret", "password", "token=", "sign=", "@"];
    let Some((key, value)) = text.split_once('=').filter(|_| !text.trim_start().starts_with('#')) else {
        return Snippet { text: text.to_owned(), marked };
    };
    let value_words = value.to_lowercase();
    if sounds_secret(key) || VALUES.iter().any(|word| value_words.contains(word)) {
        let end = key.len() + 1;
        Snippet { text: format!("{key}= …"), marked: marked.start.min(end)..marked.end.min(end) }
    } else {
        Snippet { text: text.to_owned(), marked }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_its_place_the_line_and_what_to_write() {
        let text = "a = 1\n[wdt] # 旺店通\nname = \"旗舰店\" # 店\n";
        let page = Page { file: "config/dougong.toml", text };
        let at = text.find("店\" #").unwrap();
        let error = page.error(at..at + 3, "no such shop".to_owned(), Some("did you mean `x`?".to_owned()));
        insta::assert_snapshot!(error, @r#"
        error: config/dougong.toml:3:11: no such shop
          |
        3 | name = "旗舰店" # 店
          |         　　^^
          = hint: did you mean `x`?
        "#);
    }

    #[test]
    fn a_line_with_a_secret_is_not_shown() {
        for text in
            ["app_secret = \"hush\"", "url = \"https://a.cn?sign=hush\"", "url = \"https://me:hush@a.cn\""]
        {
            let page = Page { file: "f", text };
            for span in [0..3, 8..text.len()] {
                let shown = page.error(span, "wrong".to_owned(), None).to_string();
                assert!(!shown.contains("hush"), "{shown}");
            }
        }
    }
}
