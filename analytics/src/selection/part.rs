//! Rows of one benchmark and metric, and the series that they become.

use super::Observed;
use benchlake_schemas::Better;

/// One row: a series, or a chunk of it.
pub(super) struct Part {
    /// The place of its session among those of all sides.
    pub(super) session: usize,
    pub(super) rank: i64,
    pub(super) device: Option<Box<str>>,
    pub(super) chunk: i64,
    pub(super) values: Vec<f64>,
    pub(super) flags: Vec<String>,
}

impl Part {
    fn place(&self) -> (usize, i64, Option<&str>, i64) {
        (self.session, self.rank, self.device.as_deref(), self.chunk)
    }

    /// Whether `next` is a later chunk of the same series.
    fn goes_on_with(&self, next: &Self) -> bool {
        let (session, rank, device, chunk) = next.place();
        (self.session, self.rank, self.device.as_deref()) == (session, rank, device) && self.chunk < chunk
    }
}

/// What a part takes besides its values: itself, its place on the heap, and the series that it becomes.
const BESIDES: usize = 256;

/// What a part of so many samples takes.
pub(super) fn bytes(samples: usize) -> usize {
    samples * size_of::<f64>() + BESIDES
}

/// The series of each session, its chunks one after the other. Where several ranks or devices of it measured together, the
/// worst of them sample by sample, as an iteration takes as long as its slowest rank; what one has more than the others is
/// left out.
pub(super) fn one_a_session(
    mut parts: Vec<Part>,
    better: Better,
    sessions: &[&str],
) -> Vec<(usize, Observed)> {
    parts.sort_by(|a, b| a.place().cmp(&b.place()));
    let mut whole: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        match whole.last_mut().filter(|last| last.goes_on_with(&part)) {
            Some(last) => {
                last.chunk = part.chunk;
                last.values.extend(part.values);
                last.flags.extend(part.flags);
            }
            None => whole.push(part),
        }
    }
    let mut observed: Vec<(usize, Observed)> = Vec::with_capacity(whole.len());
    for Part { session, values, flags, .. } in whole {
        match observed.last_mut().filter(|(known, _)| *known == session) {
            Some((_, series)) => {
                series.values.truncate(values.len());
                for (worst, value) in series.values.iter_mut().zip(values) {
                    *worst = if better == Better::Lower { worst.max(value) } else { worst.min(value) };
                }
                series.flags.extend(flags);
            }
            None => {
                observed
                    .push((session, Observed { session_id: sessions[session].to_owned(), values, flags }));
            }
        }
    }
    for (_, series) in &mut observed {
        series.flags.sort_unstable();
        series.flags.dedup();
    }
    observed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(session: usize, device: Option<&str>, chunk: i64, values: &[f64]) -> Part {
        let flags = vec![format!("flag {chunk}")];
        Part { session, rank: 0, device: device.map(Into::into), chunk, values: values.to_vec(), flags }
    }

    /// Chunks are put together in their order, whatever order they come in.
    #[test]
    fn chunks_are_one_series() {
        let parts = vec![part(1, None, 0, &[5.0]), part(0, None, 1, &[3.0]), part(0, None, 0, &[1.0, 2.0])];
        let found = one_a_session(parts, Better::Lower, &["a", "b"]);
        let values: Vec<_> =
            found.iter().map(|(session, series)| (*session, series.values.clone())).collect();
        assert_eq!(values, [(0, vec![1.0, 2.0, 3.0]), (1, vec![5.0])]);
        assert_eq!(found[0].1.flags, ["flag 0", "flag 1"]);
    }

    /// Devices that measured long series together: the chunks of each are its own, and the worst counts sample by sample.
    #[test]
    fn the_worst_device_counts() {
        let of = |device, first: &[f64], second: &[f64]| {
            [part(0, Some(device), 0, first), part(0, Some(device), 1, second)]
        };
        let parts =
            || of("x", &[1.0, 9.0], &[3.0, 4.0]).into_iter().chain(of("y", &[2.0, 8.0], &[5.0])).collect();
        let values = |better| one_a_session(parts(), better, &["a"])[0].1.values.clone();
        assert_eq!(values(Better::Lower), [2.0, 9.0, 5.0]);
        assert_eq!(values(Better::Higher), [1.0, 8.0, 3.0]);
    }
}
