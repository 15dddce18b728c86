//! Lists of processors, as the kernel and `taskset` write them.

use rustix::thread::{CpuSet, sched_getaffinity};
use std::{collections::BTreeSet, fmt, io, str::FromStr};

/// Processors by their numbers, written as the kernel writes them: `0-3,8`.
///
/// ```
/// use benchlake_producers::machine::Cpus;
/// let cpus: Cpus = "8,0-3".parse()?;
/// assert_eq!(cpus.to_string(), "0-3,8");
/// # Ok::<_, benchlake_producers::machine::CpusError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cpus(BTreeSet<usize>);

/// Why a text is no list of processors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CpusError {
    /// There is none in it.
    #[error("no processor is named: write a list such as 0-3,8")]
    Empty,
    /// Something else than a number or a range.
    #[error("{part:?} is not a processor or a range of them{hint}")]
    NotANumber {
        /// The part of the list.
        part: String,
        /// What may have been meant.
        hint: String,
    },
    /// A range that ends before it starts.
    #[error("{last}-{first} runs backwards: write {first}-{last}")]
    Backwards {
        /// The smaller number.
        first: usize,
        /// The larger number.
        last: usize,
    },
    /// A number that no mask of processors has room for.
    #[error("processor {cpu} is beyond the last that can be named, {}", CpuSet::MAX_CPU - 1)]
    TooLarge {
        /// The number.
        cpu: usize,
    },
}

impl Cpus {
    /// The processors that the calling thread may run on.
    ///
    /// # Errors
    /// What the system reports.
    pub fn allowed() -> io::Result<Self> {
        Ok(Self::of_mask(&sched_getaffinity(None)?))
    }

    /// The kernel's list `text`; what is not a list has none.
    pub(crate) fn of_kernel(text: &str) -> Self {
        text.trim().parse().unwrap_or_default()
    }

    pub(super) fn of_mask(mask: &CpuSet) -> Self {
        Self((0..CpuSet::MAX_CPU).filter(|cpu| mask.is_set(*cpu)).collect())
    }

    pub(super) fn mask(&self) -> CpuSet {
        let mut mask = CpuSet::new();
        self.0.iter().for_each(|cpu| mask.set(*cpu));
        mask
    }

    /// Their numbers, in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().copied()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `cpu` is one of them.
    #[must_use]
    pub fn contains(&self, cpu: usize) -> bool {
        self.0.contains(&cpu)
    }

    /// Those that `other` does not have.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        Self(&self.0 - &other.0)
    }

    /// Those that both have.
    #[must_use]
    pub fn shared_with(&self, other: &Self) -> Self {
        Self(&self.0 & &other.0)
    }
}

impl FromIterator<usize> for Cpus {
    fn from_iter<I: IntoIterator<Item = usize>>(cpus: I) -> Self {
        Self(cpus.into_iter().collect())
    }
}

impl FromStr for Cpus {
    type Err = CpusError;

    fn from_str(text: &str) -> Result<Self, CpusError> {
        let mut cpus = BTreeSet::new();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let (first, last) = range(part)?;
            if let Some(cpu) = [first, last].into_iter().find(|cpu| *cpu >= CpuSet::MAX_CPU) {
                return Err(CpusError::TooLarge { cpu });
            }
            if first > last {
                return Err(CpusError::Backwards { first: last, last: first });
            }
            cpus.extend(first..=last);
        }
        if cpus.is_empty() { Err(CpusError::Empty) } else { Ok(Self(cpus)) }
    }
}

/// `3` or `0-3`: the first and the last.
fn range(part: &str) -> Result<(usize, usize), CpusError> {
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    match (first.trim().parse(), last.trim().parse()) {
        (Ok(first), Ok(last)) => Ok((first, last)),
        _ => Err(CpusError::NotANumber { part: part.to_owned(), hint: hint(part) }),
    }
}

/// What a part that is separated in another way may have meant.
fn hint(part: &str) -> String {
    let meant = part.replace("..=", "-").replace("..", "-").replace([' ', ';', ':', '/'], ",");
    // What has nothing to replace is what was refused.
    let cpus = if meant == part { None } else { meant.parse::<Cpus>().ok() };
    cpus.map_or_else(|| ": write a list such as 0-3,8".into(), |cpus| format!("; did you mean {cpus}?"))
}

impl fmt::Display for Cpus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.iter().peekable();
        let mut comma = "";
        while let Some(first) = rest.next() {
            let mut last = first;
            while let Some(next) = rest.next_if_eq(&(last + 1)) {
                last = next;
            }
            match last - first {
                0 => write!(f, "{comma}{first}")?,
                1 => write!(f, "{comma}{first},{last}")?,
                _ => write!(f, "{comma}{first}-{last}")?,
            }
            comma = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What a list is written as is read as the same list, and so is its mask.
        #[test]
        fn lists_round_trip(cpus in proptest::collection::btree_set(0_usize..1024, 1..40)) {
            let cpus = Cpus(cpus);
            prop_assert_eq!(cpus.to_string().parse(), Ok(cpus.clone()));
            prop_assert_eq!(Cpus::of_mask(&cpus.mask()), cpus);
        }

        /// No text makes reading panic, or take more processors than there can be.
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9,. x:-]{0,12}") {
            prop_assert!(text.parse::<Cpus>().map_or(true, |cpus| (1..=1024).contains(&cpus.len())));
        }
    }

    /// Lists are written short; a pair stays a pair.
    #[test]
    fn lists_are_short() {
        let shown = |text: &str| text.parse::<Cpus>().map(|cpus| cpus.to_string());
        assert_eq!(shown("3,2,1,0, 8-8,10,11").as_deref(), Ok("0-3,8,10,11"));
        assert_eq!(Cpus::of_kernel("0-1\n").to_string(), "0,1");
        assert!(Cpus::of_kernel("\n").is_empty());
    }

    /// What is wrong is named, with what may have been meant.
    #[test]
    fn refusals() {
        let refused = |text: &str| text.parse::<Cpus>().expect_err("refused").to_string();
        assert_eq!(refused(""), "no processor is named: write a list such as 0-3,8");
        assert_eq!(refused("0..3"), "\"0..3\" is not a processor or a range of them; did you mean 0-3?");
        assert_eq!(refused("2;4"), "\"2;4\" is not a processor or a range of them; did you mean 2,4?");
        assert_eq!(refused("0,x"), "\"x\" is not a processor or a range of them: write a list such as 0-3,8");
        assert_eq!(refused("3-1"), "3-1 runs backwards: write 1-3");
        assert_eq!(refused("0-5000"), "processor 5000 is beyond the last that can be named, 1023");
    }
}
