//! Places in a document of many lines.

/// In a longer line nobody counts columns.
const MAX_COUNTED_LINE: usize = 4096;
/// Where the lines of a text begin.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
        Self { text, starts: starts.collect() }
    }

    /// Line and character column, from one; column 0 where the line is too long to count.
    pub(super) fn place(&self, offset: usize) -> (u64, u64) {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|line| self.starts.get(line)).copied().unwrap_or_default();
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        if offset.saturating_sub(start) > MAX_COUNTED_LINE {
            return (count(line), 0);
        }
        let before = self.text.get(start..offset).unwrap_or_default().chars().count();
        (count(line), count(before + 1))
    }
}
