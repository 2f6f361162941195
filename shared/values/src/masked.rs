//! Showing that a personal value was there without showing it.

/// Masks a personal value for a message: the first character and the length stay, the rest does not.
///
/// `"张三丰"` becomes `"张** (3 chars)"`; an empty text stays empty.
pub fn mask(value: &str) -> String {
    let count = value.chars().count();
    value.chars().next().map_or_else(String::new, |first| format!("{first}** ({count} chars)"))
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn a_masked_value_shows_one_character_and_its_length() {
        assert_eq!(mask("13800138000"), "1** (11 chars)");
        assert_eq!(mask("张三丰"), "张** (3 chars)");
        assert_eq!(mask(""), "");
    }
}
