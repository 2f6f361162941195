//! Batches (`sumbatch`): rows are marked when they are handed out, and shown again only under the batch's own name.

use std::collections::{BTreeMap, BTreeSet};

/// What asking again with the name of a batch gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drain {
    /// All rows of the batch once more, as often as it is asked.
    #[default]
    Repeats,
    /// The rows that come next, as many as fit; after the last of them nothing once, and then the first again.
    Advances,
}

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Marked {
    /// It was handed out in a batch that nobody has committed.
    HandedOut,
    /// Its batch was committed.
    Committed,
}

#[derive(Debug, Default)]
pub(super) struct Batches {
    by_name: BTreeMap<String, Batch>,
    marks: BTreeMap<u64, Mark>,
    opened: u64,
}

#[derive(Debug)]
struct Batch {
    command: &'static str,
    /// Rows handed out so far, in their order.
    rows: Vec<u64>,
    /// Rows to hand out later.
    waiting: Vec<u64>,
    /// Where a batch that advances goes on among its rows.
    next: usize,
    committed: bool,
}

#[derive(Debug)]
struct Mark {
    batch: String,
    committed: bool,
}

/// Rows that are handed out, under the batch's name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HandedOut {
    pub(super) batch: String,
    pub(super) rows: Vec<u64>,
}

impl Batches {
    /// Opens a batch over those of the rows that are not marked; `None` when none is left.
    pub(super) fn open(
        &mut self,
        command: &'static str,
        found: impl Iterator<Item = u64>,
        size: usize,
        drain: Drain,
    ) -> Option<HandedOut> {
        let mut rows: Vec<u64> = found.filter(|row| !self.marks.contains_key(row)).collect();
        if rows.is_empty() {
            return None;
        }
        let mut waiting = rows.split_off(size.min(rows.len()));
        if drain == Drain::Repeats {
            // What does not fit is for the next batch.
            waiting.clear();
        }
        self.opened += 1;
        let name = format!("{}", 343_344 + self.opened);
        self.mark(&name, &rows);
        let next = rows.len();
        let batch = Batch { command, rows: rows.clone(), waiting, next, committed: false };
        self.by_name.insert(name.clone(), batch);
        Some(HandedOut { batch: name, rows })
    }

    /// Goes on with a batch; `None` when there is no such batch of this command.
    pub(super) fn go_on(
        &mut self,
        command: &'static str,
        name: &str,
        size: usize,
        drain: Drain,
    ) -> Option<HandedOut> {
        let batch = self.by_name.get_mut(name).filter(|batch| batch.command == command)?;
        let rows = match drain {
            _ if batch.committed => Vec::new(),
            Drain::Repeats => batch.rows.clone(),
            Drain::Advances => {
                if batch.next == batch.rows.len() && !batch.waiting.is_empty() {
                    let later = batch.waiting.split_off(size.min(batch.waiting.len()));
                    batch.rows.append(&mut batch.waiting);
                    batch.waiting = later;
                }
                let end = (batch.next + size).min(batch.rows.len());
                let rows = batch.rows.get(batch.next..end).unwrap_or_default().to_vec();
                batch.next = if rows.is_empty() { 0 } else { end };
                rows
            }
        };
        self.mark(name, &rows);
        Some(HandedOut { batch: name.to_owned(), rows })
    }

    fn mark(&mut self, name: &str, rows: &[u64]) {
        for row in rows {
            self.marks.entry(*row).or_insert_with(|| Mark { batch: name.to_owned(), committed: false });
        }
    }

    /// Commits a batch, once or again; `false` when there is none of this name.
    pub(super) fn commit(&mut self, name: &str) -> bool {
        let Some(batch) = self.by_name.get_mut(name) else {
            return false;
        };
        batch.committed = true;
        for mark in self.marks.values_mut().filter(|mark| mark.batch == name) {
            mark.committed = true;
        }
        true
    }

    /// Takes the marks of these rows away, or those of all rows when none is named: what the platform does with an
    /// empty list. Returns the rows.
    pub(super) fn cancel(&mut self, rows: &BTreeSet<u64>) -> Vec<u64> {
        let cancelled: Vec<u64> =
            self.marks.keys().copied().filter(|row| rows.is_empty() || rows.contains(row)).collect();
        for row in &cancelled {
            self.marks.remove(row);
        }
        for batch in self.by_name.values_mut() {
            batch.rows.retain(|row| !cancelled.contains(row));
            batch.next = batch.next.min(batch.rows.len());
        }
        cancelled
    }

    pub(super) fn marked(&self, row: u64) -> Option<Marked> {
        self.marks.get(&row).map(|mark| if mark.committed { Marked::Committed } else { Marked::HandedOut })
    }

    /// Names the batches that were not committed.
    pub(super) fn uncommitted(&self) -> Vec<String> {
        let open = self.by_name.iter().filter(|(_, batch)| !batch.committed);
        open.map(|(name, _)| name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: &str = "Query";

    #[test]
    fn rows_are_shown_again_only_under_their_batch_until_it_is_committed() {
        let mut batches = Batches::default();
        let first = batches.open(COMMAND, 1..=3, 100, Drain::Repeats).unwrap();
        assert_eq!(first.rows, [1, 2, 3]);
        assert_eq!(batches.open(COMMAND, 1..=3, 100, Drain::Repeats), None, "marked rows are gone");
        let again = batches.go_on(COMMAND, &first.batch, 100, Drain::Repeats).unwrap();
        assert_eq!(again, first);
        assert!(batches.go_on("Other", &first.batch, 100, Drain::Repeats).is_none());
        assert!(batches.commit(&first.batch) && batches.commit(&first.batch));
        assert_eq!(batches.marked(2), Some(Marked::Committed));
        assert!(batches.go_on(COMMAND, &first.batch, 100, Drain::Repeats).unwrap().rows.is_empty());
        assert!(!batches.commit("unknown"));
        assert_eq!(batches.uncommitted(), Vec::<String>::new());
    }

    #[test]
    fn cancelling_brings_rows_back_and_an_empty_list_brings_all_back() {
        let mut batches = Batches::default();
        let first = batches.open(COMMAND, 1..=3, 100, Drain::Repeats).unwrap();
        batches.commit(&first.batch);
        assert_eq!(batches.cancel(&BTreeSet::from([2])), [2]);
        assert_eq!(batches.open(COMMAND, 1..=3, 100, Drain::Repeats).unwrap().rows, [2]);
        assert_eq!(batches.cancel(&BTreeSet::new()), [1, 2, 3]);
        assert_eq!(batches.open(COMMAND, 1..=3, 100, Drain::Repeats).unwrap().rows, [1, 2, 3]);
    }

    #[test]
    fn a_batch_that_advances_comes_in_parts_then_empty_then_from_the_start() {
        let mut batches = Batches::default();
        let first = batches.open(COMMAND, 1..=5, 2, Drain::Advances).unwrap();
        assert_eq!(first.rows, [1, 2]);
        assert_eq!(batches.marked(3), None, "what was not handed out is not marked");
        let mut parts = Vec::new();
        for _ in 0..5 {
            parts.push(batches.go_on(COMMAND, &first.batch, 2, Drain::Advances).unwrap().rows);
        }
        assert_eq!(parts, [vec![3, 4], vec![5], vec![], vec![1, 2], vec![3, 4]]);
    }
}
