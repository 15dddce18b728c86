//! Positions are intervals: `start..end` of a partition fits a table that stands at `start`, is
//! already there in a table that stands at `end`, and fits nowhere else.

/// The positions `start..end` of a partition, or the row numbers after `start` up to `end` of a
/// producer. A position that a table has never seen is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Where the table stood when the interval was begun.
    pub start: Option<i64>,
    /// Where it will stand.
    pub end: i64,
}

/// How a set of intervals stands to what a table holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Every interval starts where the table stands: commit.
    Fits,
    /// The table stands at every end: the commit was done, by this lander or a rival.
    Landed,
    /// Anything else: another lander owns these positions now; the rows must be dropped.
    Fenced,
}

impl Standing {
    /// Holds intervals against where the table stands in the snapshot that would be committed to.
    pub fn of(intervals: impl IntoIterator<Item = (Span, Option<i64>)>) -> Self {
        let (mut fits, mut landed) = (true, true);
        for (span, table) in intervals {
            fits &= table == span.start;
            landed &= table == Some(span.end);
        }
        match (fits, landed) {
            // Nothing to move fits trivially and is landed trivially: there is nothing to do.
            (_, true) => Self::Landed,
            (true, false) => Self::Fits,
            (false, false) => Self::Fenced,
        }
    }
}

/// What to do with rows `first..=last` of a producer whose rows up to `landed` are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Overlap {
    /// All are new; `missing` rows before them never arrived.
    New { missing: i64 },
    /// The first `skip` rows are known already.
    Partly { skip: usize },
    /// All are known already: a resend.
    Known,
}

impl Overlap {
    pub(crate) fn of(first: i64, last: i64, landed: i64) -> Self {
        if last <= landed {
            Self::Known
        } else if first <= landed {
            Self::Partly { skip: usize::try_from(landed - first + 1).unwrap_or(0) }
        } else {
            Self::New { missing: first - landed - 1 }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(start: i64, end: i64) -> Span {
        Span { start: Some(start), end }
    }

    /// (120, 180] fits after 120, is there at 180 and is refused whole at 150.
    #[test]
    fn intervals_fit_whole_or_not_at_all() {
        assert_eq!(Standing::of([(span(120, 180), Some(120))]), Standing::Fits);
        assert_eq!(Standing::of([(span(120, 180), Some(180))]), Standing::Landed);
        assert_eq!(Standing::of([(span(120, 180), Some(150))]), Standing::Fenced);
        assert_eq!(Standing::of([(span(120, 180), None)]), Standing::Fenced);
        assert_eq!(Standing::of([(Span { start: None, end: 5 }, None)]), Standing::Fits);
    }

    /// One partition that moved under a batch fences the whole batch.
    #[test]
    fn one_fenced_partition_fences_all() {
        assert_eq!(Standing::of([(span(0, 9), Some(0)), (span(4, 5), Some(5))]), Standing::Fenced);
        assert_eq!(Standing::of([(span(0, 9), Some(9)), (span(4, 5), Some(5))]), Standing::Landed);
    }

    proptest! {
        /// However records are cut and resent, every row is taken once and gaps are counted.
        #[test]
        fn rows_are_taken_once(ranges in proptest::collection::vec((1..30i64, 0..6i64), 1..40)) {
            let (mut landed, mut taken, mut missing) = (0, Vec::new(), 0);
            for (first, extra) in ranges {
                let last = first + extra;
                match Overlap::of(first, last, landed) {
                    Overlap::New { missing: gap } => { missing += gap; taken.extend(first..=last); landed = last; }
                    Overlap::Partly { skip } => { taken.extend((first..=last).skip(skip)); landed = last; }
                    Overlap::Known => {}
                }
            }
            let unique: std::collections::BTreeSet<_> = taken.iter().collect();
            prop_assert_eq!(unique.len(), taken.len());
            prop_assert_eq!(i64::try_from(taken.len())? + missing, landed);
        }
    }
}
