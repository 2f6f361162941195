//! "Did you mean …?": the existing names closest to a wrong one.

/// How many names a hint offers.
const OFFERED: usize = 3;

/// Returns the candidates that look most like `wrong`, up to three; none if nothing is close.
///
/// Letters of either case are equal, a swap of two neighbours counts as one slip, and at most a third of the
/// name (but always one letter) may differ.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let wrong: Vec<char> = wrong.to_lowercase().chars().collect();
    let most = (wrong.len() / 3).max(1);
    let mut close: Vec<(usize, &str)> = candidates
        .into_iter()
        .filter_map(|name| slips(&wrong, name, most).map(|distance| (distance, name)))
        .collect();
    close.sort_unstable();
    close.dedup();
    let least = close.first().map(|&(distance, _)| distance);
    let closest = close.into_iter().take_while(|&(distance, _)| Some(distance) == least);
    closest.take(OFFERED).map(|(_, name)| name).collect()
}

/// Writes "did you mean …?" for the closest candidates; `None` if nothing is close.
pub fn did_you_mean<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let close = nearest(wrong, candidates);
    let names: Vec<String> = close.iter().map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| format!("did you mean {}?", names.join(" or ")))
}

/// Counts insertions, deletions, replacements and neighbour swaps; `None` beyond `most`.
fn slips(wrong: &[char], name: &str, most: usize) -> Option<usize> {
    let name: Vec<char> = name.to_lowercase().chars().collect();
    if wrong.len().abs_diff(name.len()) > most {
        return None;
    }
    let mut before: Vec<usize> = vec![0; name.len() + 1];
    let mut above: Vec<usize> = (0..=name.len()).collect();
    for (row, &left) in wrong.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, &right) in name.iter().enumerate() {
            let replaced = above[column] + usize::from(left != right);
            let mut best = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && left == name[column - 1] && wrong[row - 1] == right {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = above;
        above = current;
    }
    above.last().copied().filter(|&distance| distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_closest_names_are_offered() {
        let keys = ["calls_per_minute", "page_size", "sid", "TM001", "TM002", "OFF01"];
        assert_eq!(nearest("calls_per_minut", keys), ["calls_per_minute"]);
        assert_eq!(nearest("pagesize", keys), ["page_size"]);
        assert_eq!(nearest("tm010", keys), ["TM001"]);
        assert_eq!(nearest("TM003", keys), ["TM001", "TM002"]);
        assert!(nearest("warehouse", keys).is_empty());
        assert_eq!(did_you_mean("sdi", keys).unwrap(), "did you mean `sid`?");
    }
}
