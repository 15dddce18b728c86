//! What the kernel counts of processors' time: `/proc/stat`, in ticks of 10 ms.

use super::Cpus;
use crate::environment::read_text;
use std::path::Path;

/// Ticks since boot: all, and those that the hypervisor gave to others while there was work here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Ticks {
    total: u64,
    steal: u64,
}

/// User, nice, system, idle, iowait, irq, softirq, steal (man 5 proc_stat); what follows is
/// contained in the first two.
const COLUMNS: usize = 8;

impl Ticks {
    /// The ticks of `cpus`, or of all; `None` where they are not visible.
    pub(crate) fn read(root: &Path, cpus: Option<&Cpus>) -> Option<Self> {
        Self::parse(&read_text(&root.join("proc/stat"))?, cpus)
    }

    fn parse(stat: &str, cpus: Option<&Cpus>) -> Option<Self> {
        let of_line = |line: &str| -> Option<Self> {
            let (name, columns) = line.strip_prefix("cpu")?.split_once(' ')?;
            let wanted = match cpus {
                None => name.is_empty(),
                Some(cpus) => name.parse().is_ok_and(|cpu| cpus.contains(cpu)),
            };
            let columns: Vec<u64> =
                columns.split_whitespace().take(COLUMNS).map_while(|column| column.parse().ok()).collect();
            let steal = *columns.get(COLUMNS - 1)?;
            wanted.then(|| Self { total: columns.iter().sum(), steal })
        };
        let sum = |a: Self, b: Self| Self { total: a.total + b.total, steal: a.steal + b.steal };
        stat.lines().filter_map(of_line).reduce(sum)
    }

    /// The share of the time since `before` that was stolen; `None` if no tick has passed.
    pub(crate) fn steal_since(self, before: Self) -> Option<f64> {
        let total = self.total.checked_sub(before.total).filter(|total| *total > 0)?;
        Some(ratio(self.steal.saturating_sub(before.steal), total))
    }
}

/// One count over another.
#[expect(clippy::cast_precision_loss, reason = "a share of counts far below 2^53")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 0 50 800 0 0 0 50 7 0\ncpu0 60 0 30 400 0 0 0 10 7 0\ncpu1 40 0 20 400 0 0 0 40 0 0\nintr 5\n";

    /// All processors, or those that are named; guests' time is not counted twice.
    #[test]
    fn ticks_are_counted() {
        assert_eq!(Ticks::parse(STAT, None), Some(Ticks { total: 1_000, steal: 50 }));
        let one: Cpus = [1].into_iter().collect();
        assert_eq!(Ticks::parse(STAT, Some(&one)), Some(Ticks { total: 500, steal: 40 }));
        assert_eq!(Ticks::parse(STAT, Some(&[7].into_iter().collect())), None);
        assert_eq!(Ticks::parse("cpu  1 2 3\n", None), None);
    }

    /// The share is of what has passed since; before any tick there is none.
    #[test]
    fn shares() {
        let (before, after) = (Ticks { total: 100, steal: 10 }, Ticks { total: 300, steal: 60 });
        assert_eq!(after.steal_since(before), Some(0.25));
        assert_eq!(after.steal_since(after), None);
        assert_eq!(before.steal_since(after), None);
    }
}
