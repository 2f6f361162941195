//! The language a person is spoken to in: the one they chose, else the one their browser asks for, else English.

use dougong_operate::Texts;

use crate::http::Request;

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lang {
    /// English
    En,
    /// 中文
    Zh,
}

/// The cookie that remembers a choice.
pub(crate) const COOKIE: &str = "dougong_lang";

impl Lang {
    /// Chooses the language of an answer.
    pub(crate) fn of(request: &Request) -> Self {
        let chosen = Self::chosen(request).or_else(|| Self::named(request.cookie(COOKIE)?));
        chosen.unwrap_or_else(|| Self::asked_for(request.header("accept-language").unwrap_or_default()))
    }

    /// Returns the language that the request itself chooses (`?lang=zh`), which is to be remembered.
    pub(crate) fn chosen(request: &Request) -> Option<Self> {
        Self::named(request.query.get("lang")?)
    }

    fn named(name: &str) -> Option<Self> {
        [Self::En, Self::Zh].into_iter().find(|lang| lang.name() == name)
    }

    /// Returns the name in URLs and cookies.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// Returns the tag in HTML.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// Returns the other language.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::En => Self::Zh,
            Self::Zh => Self::En,
        }
    }

    /// Picks the text of this language.
    pub(crate) const fn pick(self, en: &'static str, zh: &'static str) -> &'static str {
        match self {
            Self::En => en,
            Self::Zh => zh,
        }
    }

    /// Picks the text of this language from both.
    pub(crate) const fn of_texts(self, texts: Texts) -> &'static str {
        self.pick(texts.en, texts.zh)
    }

    /// Reads `Accept-Language`: the language of the two that is asked for most.
    fn asked_for(header: &str) -> Self {
        let mut best = (Self::En, 0);
        for part in header.split(',') {
            let (tag, weight) = part.split_once(';').unwrap_or((part, ""));
            let tag = tag.trim().to_ascii_lowercase();
            let lang = match tag.split('-').next() {
                Some("zh") => Self::Zh,
                Some("en") => Self::En,
                _ => continue,
            };
            let weight = thousandths(weight.trim().strip_prefix("q=").unwrap_or("1"));
            if weight > best.1 {
                best = (lang, weight);
            }
        }
        best.0
    }
}

/// Reads a weight of 0 to 1 with at most three decimals, in thousandths.
fn thousandths(weight: &str) -> u32 {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    let decimals: u32 = format!("{decimals:0<3}").get(..3).and_then(|text| text.parse().ok()).unwrap_or(0);
    if whole.trim() == "0" { decimals } else { 1_000 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::HttpRequest;
    use serde_json::json;

    #[test]
    fn the_browsers_first_choice_of_the_two_is_taken() {
        for (header, lang) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
            ("en-US,en;q=0.9,zh-CN;q=0.8", Lang::En),
            ("en;q=0.5, ZH;q=0.75", Lang::Zh),
            ("fr-FR, zh;q=0.1", Lang::Zh),
            ("zh;q=0, en;q=0.001", Lang::En),
            ("de", Lang::En),
            ("", Lang::En),
        ] {
            assert_eq!(Lang::asked_for(header), lang, "{header}");
        }
    }

    #[test]
    fn a_persons_choice_wins_over_the_browsers() {
        let of = |query: &str, cookie: &str| {
            let event = json!({"rawQueryString": query, "cookies": [cookie],
                               "headers": {"accept-language": "zh-CN"}});
            Lang::of(&serde_json::from_value::<HttpRequest>(event).unwrap().into())
        };
        assert_eq!(of("", ""), Lang::Zh);
        assert_eq!(of("", "dougong_lang=en"), Lang::En);
        assert_eq!(of("lang=zh", "dougong_lang=en"), Lang::Zh);
        assert_eq!(of("lang=xx", "dougong_lang=xx"), Lang::Zh);
    }
}
