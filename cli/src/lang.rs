//! The language a person is spoken to in: `--lang`, else the locale, else English.

use clap::ValueEnum;
pub(crate) use dougong_operate::Texts;

/// A language of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// 中文
    Zh,
    /// English
    En,
}

impl Lang {
    /// Takes the language asked for, else the one of the locale (`LC_ALL`, `LC_MESSAGES`, `LANG`, the first that is set).
    pub(crate) fn choose(asked: Option<Self>, variable: &dyn Fn(&str) -> Option<String>) -> Self {
        asked.unwrap_or_else(|| {
            let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
                .into_iter()
                .find_map(|name| variable(name).filter(|value| !value.is_empty()))
                .unwrap_or_default();
            if locale.to_lowercase().starts_with("zh") { Self::Zh } else { Self::En }
        })
    }

    /// Picks the text of this language.
    pub(crate) const fn pick(self, texts: Texts) -> &'static str {
        match self {
            Self::En => texts.en,
            Self::Zh => texts.zh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_asked_for_wins_and_then_the_first_locale_variable_that_is_set() {
        let locale = |name: &str| match name {
            "LC_MESSAGES" => Some("zh_CN.UTF-8".to_owned()),
            "LANG" => Some("en_US.UTF-8".to_owned()),
            _ => None,
        };
        assert_eq!(Lang::choose(None, &locale), Lang::Zh);
        assert_eq!(Lang::choose(Some(Lang::En), &locale), Lang::En);
        assert_eq!(Lang::choose(None, &|_| None), Lang::En);
        assert_eq!(Lang::choose(None, &|name| (name == "LC_ALL").then(|| "C".to_owned())), Lang::En);
    }
}
