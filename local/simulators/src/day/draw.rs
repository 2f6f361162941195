//! Chance that is the same on every machine and in every release.

/// A sequence of numbers that a seed decides (SplitMix64).
pub(crate) struct Draw(u64);

impl Draw {
    /// Starts the sequence of one order of a seed, so that orders do not depend on each other.
    pub(crate) const fn of(seed: u64, index: u64) -> Self {
        let mut draw = Self(seed ^ index.wrapping_mul(0xD1B5_4A32_D192_ED03));
        draw.next();
        draw
    }

    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Draws from `0..below`; 0 when that is empty.
    pub(crate) fn below(&mut self, below: u32) -> u32 {
        let drawn = self.next() % u64::from(below.max(1));
        u32::try_from(drawn).unwrap_or(0)
    }

    /// Draws from `from..=to`.
    pub(crate) fn between(&mut self, from: u32, to: u32) -> u32 {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// Is true for so many of a hundred.
    pub(crate) fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// Draws one of a list that is not empty.
    pub(crate) fn of_list<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let index = self.below(u32::try_from(list.len()).unwrap_or(u32::MAX));
        &list[index as usize]
    }
}
