//! The list of promises for people, `docs/promises.md`, and the tests: neither has what the other lacks.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Returns all Rust sources below a folder of the repository.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Returns the names of the tests in these sources.
fn tests(sources: &[PathBuf]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in sources {
        let text = fs::read_to_string(source).unwrap_or_default();
        // The first function after the attribute; in a property there may be arguments behind the bracket.
        for after in ["#[tokio::test", "#[test]"].iter().flat_map(|attribute| text.split(attribute).skip(1)) {
            let name = after.split_once("fn ").and_then(|(_, rest)| rest.split_once('('));
            names.extend(name.map(|(name, _)| name.to_owned()));
        }
    }
    names
}

#[test]
fn every_promise_in_the_list_is_a_test_and_every_test_here_is_in_the_list() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let list = fs::read_to_string(repository.join("docs/promises.md")).unwrap();
    let listed: BTreeSet<String> = list
        .lines()
        .filter_map(|line| line.split('|').nth(3))
        .map(|cell| cell.trim().trim_matches('`').to_owned())
        .filter(|name| name.contains('_'))
        .collect();
    assert!(listed.len() > 40, "the list cannot be read: {listed:?}");

    let mut all = Vec::new();
    for folder in ["cli", "functions", "local", "shared", "tests"] {
        sources(&repository.join(folder), &mut all);
    }
    let known = tests(&all);
    let untested: Vec<&String> = listed.difference(&known).collect();
    assert!(untested.is_empty(), "promised, but no test: {untested:#?}");

    let mut here = Vec::new();
    sources(&repository.join("tests/tests"), &mut here);
    sources(&repository.join("cli/tests/up"), &mut here);
    here.retain(|source| !source.ends_with("listed.rs"));
    let unlisted: Vec<String> = tests(&here).into_iter().filter(|name| !listed.contains(name)).collect();
    assert!(unlisted.is_empty(), "tested, but not in docs/promises.md: {unlisted:#?}");
}
