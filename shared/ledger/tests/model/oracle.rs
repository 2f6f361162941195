//! Who decides what goes wrong and who goes first: chance from a seed, or one path of a full walk.

/// Sebastiano Vigna's SplitMix64: the same numbers for the same seed, everywhere.
#[derive(Debug, Clone)]
pub(crate) struct SplitMix(pub(crate) u64);

impl SplitMix {
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap();
        usize::try_from(self.next() % end).unwrap()
    }

    /// True so many times of a thousand.
    pub(crate) fn permille(&mut self, chance: usize) -> bool {
        self.below(1_000) < chance
    }
}

/// Answers every question of a run.
#[derive(Debug)]
pub(crate) enum Oracle {
    /// A large world: so many of a thousand questions are answered with a deviation, until it is calm.
    Chance { random: SplitMix, permille: usize, calm: bool },
    /// A small world: one path.
    Path(Path),
}

/// One path through a small world: the answers given so far, each with how many there were. At most `budget`
/// answers deviate from the normal run, which is answer 0 everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Path {
    budget: usize,
    left: usize,
    answers: Vec<(usize, usize)>,
    at: usize,
}

impl Path {
    pub(crate) const fn first(budget: usize) -> Self {
        Self { budget, left: budget, answers: Vec::new(), at: 0 }
    }

    /// Goes on to the next path; `None` after the last.
    pub(crate) fn next(mut self) -> Option<Self> {
        while let Some((answer, answers)) = self.answers.pop() {
            if answer + 1 < answers {
                self.answers.push((answer + 1, answers));
                return Some(Self { left: self.budget, at: 0, ..self });
            }
        }
        None
    }

    /// What deviates from the normal run, for whoever reads a failure.
    pub(crate) fn deviations(&self) -> Vec<(usize, usize)> {
        let numbered = self.answers.iter().enumerate();
        numbered.filter(|(_, (answer, _))| *answer > 0).map(|(at, (answer, _))| (at, *answer)).collect()
    }

    fn ask(&mut self, deviations: usize) -> usize {
        if self.left == 0 || deviations == 0 {
            return 0;
        }
        if self.at == self.answers.len() {
            self.answers.push((0, deviations + 1));
        }
        let (answer, _) = self.answers[self.at];
        self.at += 1;
        self.left -= usize::from(answer > 0);
        answer
    }
}

impl Oracle {
    /// Says what happens: 0 for what should, 1 to `deviations` for what goes wrong.
    pub(crate) fn deviate(&mut self, deviations: usize) -> usize {
        match self {
            Self::Chance { calm: true, .. } => 0,
            Self::Chance { random, permille, .. } => {
                if random.permille(*permille) {
                    1 + random.below(deviations)
                } else {
                    0
                }
            }
            Self::Path(path) => path.ask(deviations),
        }
    }

    /// Says which of `count` goes on; `usual` is the one that does in a normal run.
    pub(crate) fn pick(&mut self, count: usize, usual: usize) -> usize {
        match self {
            Self::Chance { random, .. } => random.below(count),
            Self::Path(path) => (usual + path.ask(count - 1)) % count,
        }
    }

    /// A duration between `least` and `most`, the least in a small world.
    pub(crate) fn between(&mut self, least: i64, most: i64) -> i64 {
        match self {
            Self::Chance { random, .. } => {
                least + i64::try_from(random.below(usize::try_from(most - least + 1).unwrap())).unwrap()
            }
            Self::Path(_) => least,
        }
    }
}
