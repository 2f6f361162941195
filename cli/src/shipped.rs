//! The shipped configuration, carried inside the binary (the repository's `config/` folder).

use std::path::Path;
use std::{fs, io};

/// Every file of `config/` by its path inside the folder.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/shipped_config.rs"));

/// Writes the shipped configuration into `folder`, byte for byte.
pub(crate) fn write(folder: &Path) -> io::Result<()> {
    for (name, bytes) in FILES {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// Sets `key` of `[section]` in a TOML text to `value`, and leaves comments and everything else as they are.
///
/// `None` when the section has no such key: then the text is not the configuration it is taken for.
pub(crate) fn set(text: &str, section: &str, key: &str, value: &str) -> Option<String> {
    let mut here = false;
    let mut found = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.starts_with('[') {
            let header = trimmed.split('#').next().unwrap_or_default().trim();
            here = header.trim_matches(['[', ']']).trim() == section;
        }
        let is_key = here && trimmed.split_once('=').is_some_and(|(name, _)| name.trim() == key);
        if is_key && !found {
            found = true;
            lines.push(format!("{key} = {value}"));
        } else {
            lines.push(line.to_owned());
        }
    }
    found.then(|| lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_changed_in_its_own_section_and_nothing_else_is() {
        let text = "[wdt] # 旺店通\ncalls_per_minute = 50 # pace\n\n[bip]\n# calls_per_minute = 1\ncalls_per_minute = 54\n";
        let changed = set(text, "bip", "calls_per_minute", "6000").unwrap();
        assert_eq!(changed, text.replace("calls_per_minute = 54", "calls_per_minute = 6000"));
        assert_eq!(set(text, "bip", "calls_per_hour", "1"), None);
        assert_eq!(set(text, "store", "calls_per_minute", "1"), None);
    }

    #[test]
    fn the_binary_carries_the_rules_and_their_tables() {
        assert!(FILES.iter().any(|(name, _)| *name == "dougong.toml"));
        assert!(FILES.iter().filter(|(name, _)| name.starts_with("tables/")).count() >= 4);
    }
}
