//! Canaries: texts that stand for secrets and personal data, and the search for them.

use std::fmt::Write as _;

/// The personal data of every buyer.
pub(crate) const PERSON: &str = "CANARY-PERSON";
/// The secret of the WDT account.
pub(crate) const WDT_SECRET: &str = "CANARY-WDT-SECRET-5b1f";
/// The secret of the BIP application.
pub(crate) const BIP_SECRET: &str = "CANARY-BIP-SECRET-77c0";
/// Lets an operator in to the page.
pub const CONSOLE_TOKEN: &str = "CANARY-CONSOLE-TOKEN-1d9a";
/// Lets somebody in to the page who only looks.
pub const CONSOLE_READ_ONLY_TOKEN: &str = "CANARY-CONSOLE-READER-40c2";

/// What must appear nowhere.
#[derive(Debug, Clone)]
pub struct Canaries(Vec<String>);

impl Canaries {
    /// Takes the texts, besides those every world has; a token also as it stands in a URL.
    pub(crate) fn with(tokens: impl IntoIterator<Item = String>) -> Self {
        // Parameters that carry a token or a signature: their values differ from call to call.
        let always = [
            PERSON,
            WDT_SECRET,
            BIP_SECRET,
            CONSOLE_TOKEN,
            CONSOLE_READ_ONLY_TOKEN,
            "access_token=",
            "signature=",
            "sign=",
        ]
        .map(str::to_owned);
        let tokens = tokens.into_iter().flat_map(|token| [in_a_url(&token), token]);
        Self(always.into_iter().chain(tokens).collect())
    }

    /// Takes the texts that every world has.
    pub fn of_every_world() -> Self {
        Self::with([])
    }

    /// Tells whether any canary is in a text.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.0.iter().any(|canary| text.contains(canary.as_str()))
    }

    /// Looks for every canary in the texts, each with the name of its place; `None` when there is none.
    pub fn found(&self, texts: impl IntoIterator<Item = (String, String)>) -> Option<String> {
        let mut found = String::new();
        for (place, text) in texts {
            for canary in self.0.iter().filter(|canary| text.contains(canary.as_str())) {
                let _ = writeln!(found, "{canary} in {place}: {text}");
            }
        }
        (!found.is_empty()).then_some(found)
    }
}

fn in_a_url(token: &str) -> String {
    token.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leak_is_found_and_its_place_is_named() {
        let canaries = Canaries::with(["token+1".to_owned()]);
        let texts = |text: &str| [("a log line".to_owned(), text.to_owned())];
        assert_eq!(canaries.found(texts("posted")), None);
        for leak in
            ["receiver CANARY-PERSON-name", "GET /x?access_token=1", "token+1", "?t=token%2B1", WDT_SECRET]
        {
            let found = canaries.found(texts(leak)).unwrap();
            assert!(found.contains("a log line") && found.contains(leak), "{found}");
        }
    }
}
