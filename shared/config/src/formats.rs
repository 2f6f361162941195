//! How durations and addresses are written.

const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a duration with its unit, in seconds.
pub(crate) fn duration(text: &str) -> Option<i64> {
    let unit = text.chars().last()?;
    let (_, seconds) = UNITS.into_iter().find(|&(letter, _)| letter == unit)?;
    let count: u32 = text.strip_suffix(unit)?.trim_end().parse().ok()?;
    i64::from(count).checked_mul(seconds)
}

/// Writes a duration in its largest whole unit.
pub(crate) fn written(seconds: i64) -> String {
    let whole = UNITS.into_iter().find(|(_, unit)| seconds > 0 && seconds % unit == 0);
    whole.map_or_else(|| format!("{seconds}s"), |(letter, unit)| format!("{}{letter}", seconds / unit))
}

/// Says what keeps a text from being an address; plain http is for this machine only, since tokens travel in it.
pub(crate) fn wrong_with_url(text: &str) -> Option<&'static str> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let this_machine = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    if !matches!(scheme, "http" | "https") {
        Some("write a whole address that begins with https://")
    } else if host.is_empty() || text.contains(char::is_whitespace) {
        Some("this is not an address")
    } else if authority.contains('@') {
        Some("an address here holds no user and no password")
    } else if !authority.is_ascii() {
        Some("write the domain in its ASCII form, which begins with xn--")
    } else if rest.contains(['?', '#']) {
        Some("leave out everything from the `?` or `#` on")
    } else if scheme == "http" && !this_machine {
        Some("plain http would show tokens to the network: write https://")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_their_unit() {
        for (text, seconds) in [("90s", 90), ("5m", 300), ("24h", 86_400), ("30d", 2_592_000), ("0s", 0)] {
            assert_eq!(duration(text), Some(seconds), "{text}");
        }
        for text in ["", "5", "m", "-5m", "1.5h", "5 min", "5M", "99999999999d"] {
            assert_eq!(duration(text), None, "{text:?} was read");
        }
        assert_eq!(
            (written(86_400), written(90), written(0)),
            ("1d".to_owned(), "90s".to_owned(), "0s".to_owned())
        );
    }

    #[test]
    fn an_address_is_https_unless_it_is_this_machine() {
        for text in [
            "https://api.example.cn/router/qm",
            "http://127.0.0.1:8080",
            "http://localhost/x",
            "http://[::1]:9/x",
            "https://xn--fsqu00a.xn--fiqs8s/门店",
        ] {
            assert_eq!(wrong_with_url(text), None, "{text}");
        }
        for text in [
            "",
            "api.example.cn",
            "ftp://a",
            "https://",
            "https:///x",
            "http://api.example.cn",
            "https://u:p@a.cn",
            "https://a.cn/x?y=1",
            "https://a b.cn",
            "https://例子.中国/x",
            "http://127.0.0.1@evil.cn",
        ] {
            assert!(wrong_with_url(text).is_some(), "{text:?} was taken");
        }
    }
}
