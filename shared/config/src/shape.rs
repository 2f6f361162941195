//! What may stand at each key, as the reader itself asks for it: the schema is drawn from this and from nothing else.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

/// What may stand at a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A text; the reader may ask for more than can be said here.
    Text,
    /// An address.
    Url,
    /// One of a few names.
    Choice(Vec<&'static str>),
    /// A list of texts or whole numbers.
    List,
    /// Yes or no.
    Flag,
    /// A whole number.
    Whole(RangeInclusive<u32>),
    /// A decimal number.
    Decimal,
    /// A duration with its unit.
    Duration,
    /// A text with places for these fields.
    Template(Vec<&'static str>),
    /// A table of known keys.
    Section,
    /// A table of tables that people name; their keys are noted below `*`.
    Named,
    /// A table of texts that people name.
    Texts,
    /// A table of expressions, each for one of these fields.
    Fields(Vec<&'static str>),
}

/// Every key that was asked for: by a reader at work, or by one that is led through its branches without a file.
#[derive(Debug, Default)]
pub(crate) struct Sketch {
    turn: Option<Turn>,
    keys: RefCell<BTreeMap<String, Shape>>,
    needed: RefCell<BTreeSet<String>>,
    may_be_missing: RefCell<BTreeSet<String>>,
    most_choices: Cell<usize>,
}

/// One way through the reader's branches.
#[derive(Debug, Clone, Copy)]
struct Turn {
    /// Which of its names every choice takes; 0 takes none.
    choice: usize,
    /// Whether sections whose keys depend on a choice take it.
    variants: bool,
}

/// Every key that some way through the reader asks for, by its path.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) shapes: BTreeMap<String, Shape>,
    /// What must be there on every way.
    pub(crate) needed: BTreeSet<String>,
    /// Sections that may be missing although some of their keys are needed.
    pub(crate) may_be_missing: BTreeSet<String>,
}

impl Keys {
    /// Leads a reader through all its branches, with or without the variants of its sections.
    pub(crate) fn ask(variants: bool, read: impl Fn(&Sketch)) -> Self {
        let mut all: Option<Self> = None;
        let mut choice = 0;
        loop {
            let sketch = Sketch { turn: Some(Turn { choice, variants }), ..Sketch::default() };
            read(&sketch);
            let most = sketch.most_choices.get();
            let found = sketch.into_keys();
            all = Some(match all {
                None => found,
                Some(before) => before.joined(found),
            });
            choice += 1;
            if choice > most {
                break;
            }
        }
        all.unwrap_or_else(|| Sketch::default().into_keys())
    }

    fn joined(mut self, other: Self) -> Self {
        for (path, shape) in other.shapes {
            add(&mut self.shapes, path, shape);
        }
        self.needed.retain(|path| other.needed.contains(path));
        self.may_be_missing.extend(other.may_be_missing);
        self
    }
}

/// Adds a shape; what says more than that it is a text stays.
fn add(shapes: &mut BTreeMap<String, Shape>, path: String, shape: Shape) {
    let known = shapes.entry(path).or_insert_with(|| shape.clone());
    if *known == Shape::Text {
        *known = shape;
    }
}

impl Sketch {
    /// Tells whether the reader is led, instead of reading a file.
    pub(crate) const fn pretends(&self) -> bool {
        self.turn.is_some()
    }

    pub(crate) fn leaves_variants_out(&self) -> bool {
        self.turn.is_some_and(|turn| !turn.variants)
    }

    pub(crate) fn note(&self, path: String, shape: Shape) {
        add(&mut self.keys.borrow_mut(), path, shape);
    }

    pub(crate) fn need(&self, path: String) {
        self.needed.borrow_mut().insert(path);
    }

    pub(crate) fn may_be_missing(&self, path: String) {
        self.may_be_missing.borrow_mut().insert(path);
    }

    /// Takes this turn's choice.
    pub(crate) fn pick<T: Copy>(&self, names: &[(&'static str, T)]) -> Option<T> {
        self.most_choices.set(self.most_choices.get().max(names.len()));
        let place = self.turn?.choice.checked_sub(1)?;
        names.get(place % names.len().max(1)).map(|&(_, choice)| choice)
    }

    pub(crate) fn into_keys(self) -> Keys {
        Keys {
            shapes: self.keys.into_inner(),
            needed: self.needed.into_inner(),
            may_be_missing: self.may_be_missing.into_inner(),
        }
    }
}
