//! Answering a push (`protocols/store.md` §7.1). Only `code` 0 is known to mean success; the rest are settings.

use std::fmt;

use crate::seq::Seq;

/// What a push is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Its bills are stored, now or before; also what a probe is told.
    Stored,
    /// It cannot be read, now or ever.
    Malformed,
    /// It is not known to come from the store system.
    Unauthenticated,
    /// Its command is not served here.
    UnknownCommand,
    /// It could not be stored: send it again.
    Unavailable,
}

/// How pushes are answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The body after success.
    pub stored: Template,
    /// The body otherwise.
    pub refused: Template,
    /// The code for [`Answer::Malformed`].
    pub malformed_code: i64,
    /// The code for [`Answer::Unauthenticated`].
    pub unauthenticated_code: i64,
    /// The HTTP status for [`Answer::Unauthenticated`]: 200 or 401.
    pub unauthenticated_status: u16,
    /// The code for [`Answer::UnknownCommand`].
    pub unknown_command_code: i64,
    /// The code for [`Answer::Unavailable`].
    pub unavailable_code: i64,
}

impl Default for Acknowledgement {
    /// `{"code":…,"msg":…,"seq":…}` for everything, codes 1001, 1002, 1003 and 1500: an assumption (§0).
    fn default() -> Self {
        Self {
            stored: Template::default(),
            refused: Template::default(),
            malformed_code: 1001,
            unauthenticated_code: 1002,
            unauthenticated_status: 200,
            unknown_command_code: 1003,
            unavailable_code: 1500,
        }
    }
}

/// An answer as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The content type.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Acknowledgement {
    /// Makes the answer to a push. A push without a readable `seq` gets a fresh one.
    pub fn reply(&self, answer: Answer, seq: Option<&Seq>) -> Reply {
        let (status, code, message) = match answer {
            Answer::Stored => (200, 0, ""),
            Answer::Malformed => (200, self.malformed_code, "malformed"),
            Answer::Unauthenticated => (self.unauthenticated_status, self.unauthenticated_code, "auth"),
            Answer::UnknownCommand => (200, self.unknown_command_code, "unsupported cmd"),
            Answer::Unavailable => (503, self.unavailable_code, "retry"),
        };
        let template = if answer == Answer::Stored { &self.stored } else { &self.refused };
        let body = match seq {
            Some(seq) => template.render(code, message, seq),
            None => template.render(code, message, &Seq::fresh()),
        };
        let content_type =
            if template.is_json() { "application/json; charset=utf-8" } else { "text/plain; charset=utf-8" };
        Reply { status, content_type, body }
    }
}

/// The body of an answer with places for `{code}`, `{msg}` and `{seq}`: JSON, where each place becomes a JSON
/// value, or plain text such as `success`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(String);

/// A text that cannot be a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no answer to a push: write plain text, or JSON with {{code}}, {{msg}} and {{seq}} where their values go, without quotes"
)]
pub struct InvalidTemplate {
    text: String,
}

impl Template {
    /// Takes a text that is plain, or JSON once its places are filled.
    pub fn new(text: &str) -> Result<Self, InvalidTemplate> {
        let template = Self(text.trim().to_owned());
        let sample = template.render(0, "a \"message\"", &Seq::fresh());
        let sound = !template.0.is_empty()
            && (!template.is_json() || serde_json::from_str::<serde::de::IgnoredAny>(&sample).is_ok());
        if sound { Ok(template) } else { Err(InvalidTemplate { text: text.chars().take(80).collect() }) }
    }

    fn is_json(&self) -> bool {
        self.0.starts_with(['{', '[', '"'])
    }

    fn render(&self, code: i64, message: &str, seq: &Seq) -> String {
        let code = code.to_string();
        let (message, seq) = if self.is_json() {
            (format!("\"{}\"", message.replace('\\', "\\\\").replace('"', "\\\"")), seq.as_json().to_owned())
        } else {
            (message.to_owned(), seq.text())
        };
        // One pass: what is filled in is never taken for a place.
        let mut rest = self.0.as_str();
        let mut body = String::with_capacity(rest.len() + 64);
        while let Some((before, after)) = rest.split_once('{') {
            body.push_str(before);
            let places = [("code}", &code), ("msg}", &message), ("seq}", &seq)];
            let place = places.into_iter().find_map(|(name, value)| Some((after.strip_prefix(name)?, value)));
            rest = place.map_or(after, |(after, _)| after);
            body.push_str(place.map_or("{", |(_, value)| value));
        }
        body + rest
    }
}

impl Default for Template {
    fn default() -> Self {
        Self(r#"{"code":{code},"msg":{msg},"seq":{seq}}"#.to_owned())
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(json: &str) -> Seq {
        Seq::from_json(json).unwrap()
    }

    #[test]
    fn every_answer_is_well_formed_and_echoes_the_sequence_number_as_it_came() {
        let settings = Acknowledgement::default();
        let stored = settings.reply(Answer::Stored, Some(&seq("\"123123-abc12\"")));
        assert_eq!(stored.body, r#"{"code":0,"msg":"","seq":"123123-abc12"}"#);
        assert_eq!((stored.status, stored.content_type), (200, "application/json; charset=utf-8"));
        let numbered = settings.reply(Answer::UnknownCommand, Some(&seq("17")));
        assert_eq!(numbered.body, r#"{"code":1003,"msg":"unsupported cmd","seq":17}"#);
        assert_eq!(settings.reply(Answer::Unavailable, None).status, 503);
        assert_eq!(settings.reply(Answer::Unauthenticated, None).status, 200);

        let tricky = settings.reply(Answer::Malformed, Some(&seq(r#""{code}\"{seq}""#)));
        assert_eq!(tricky.body, r#"{"code":1001,"msg":"malformed","seq":"{code}\"{seq}"}"#);
    }

    #[test]
    fn a_bare_success_is_told_to_success_alone() {
        let settings =
            Acknowledgement { stored: Template::new("success").unwrap(), ..Acknowledgement::default() };
        let stored = settings.reply(Answer::Stored, None);
        assert_eq!((stored.body.as_str(), stored.content_type), ("success", "text/plain; charset=utf-8"));
        assert!(settings.reply(Answer::Unavailable, None).body.contains("1500"));
    }

    #[test]
    fn a_template_that_makes_no_json_is_refused() {
        for text in ["", "{\"code\":{code}", r#"{"msg":"{msg}"}"#, "{code"] {
            assert!(Template::new(text).is_err(), "{text:?}");
        }
        assert!(Template::new(r#"{"result":true,"returnCode":"200","message":{msg}}"#).is_ok());
    }
}
