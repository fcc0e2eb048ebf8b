//! Text that looks like text, and is the same in every run.

const SYLLABLES: [&str; 32] = [
    "al", "ber", "con", "da", "el", "for", "gra", "hin", "in", "jo", "ker", "lo", "mi", "nor",
    "op", "per", "qua", "re", "sol", "ta", "un", "ver", "win", "xe", "yar", "zo", "cha", "the",
    "sta", "bri", "dge", "ment",
];

/// How many different words there are. Real skills share a vocabulary, which is what makes the full
/// text index of them what it is.
const VOCABULARY: u64 = 3_000;

/// A stream of numbers that a seed determines (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Words(u64);

impl Words {
    /// The stream of that seed.
    pub(crate) fn of_seed(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// One of the items.
    pub(crate) fn one_of<'a>(&mut self, items: &[&'a str]) -> &'a str {
        let index = self.below(items.len() as u64);
        usize::try_from(index).ok().and_then(|index| items.get(index)).copied().unwrap_or_default()
    }

    /// A word; a few of them make most of a text.
    pub(crate) fn word(&mut self) -> String {
        let range = if self.below(2) == 0 { 100 } else { VOCABULARY };
        let mut spelling = Words::of_seed(self.below(range));
        let syllables = 1 + spelling.below(3);
        (0..=syllables).map(|_| spelling.one_of(&SYLLABLES)).collect()
    }

    /// So many words, with a space between them.
    pub(crate) fn phrase(&mut self, words: u64) -> String {
        (0..words).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }
}
