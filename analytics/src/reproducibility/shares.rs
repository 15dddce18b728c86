//! Where the spread comes from: nodes, sessions of a node, samples of a session.

use super::subject::Subject;
use crate::stats::{mean, random_effects, real, standard_deviation};
use serde::Serialize;

/// What a variance is made of, as shares that add up to 1.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shares {
    /// Between nodes; `None` where nodes and sessions cannot be told apart.
    pub nodes: Option<f64>,
    /// Between the sessions of a node.
    pub sessions: f64,
    /// Between the samples of a session; in the variance of a session's centre, what is left of them there.
    pub samples: f64,
    /// Which of them came out negative and are 0 therefore: what is below them explains all there is.
    pub negative: Vec<&'static str>,
}

/// The variances themselves, in the square of the unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Variances {
    /// Of nodes; `None` where there are no two nodes with two sessions in one of them.
    pub(super) node: Option<f64>,
    /// Of the sessions of a node; may be negative as estimated.
    pub(super) session: f64,
    /// Of the samples of a session.
    pub(super) sample: f64,
    /// Of the centre of a session's samples.
    pub(super) of_centre: f64,
    /// The same times the number of samples: what `of_centre` is divided from.
    pub(super) long_run: f64,
}

impl Shares {
    /// The part that is largest, and its share.
    #[must_use]
    pub fn largest(&self) -> (&'static str, f64) {
        let parts =
            [("nodes", self.nodes.unwrap_or(0.0)), ("sessions", self.sessions), ("samples", self.samples)];
        parts.into_iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or(("samples", 1.0))
    }
}

impl Variances {
    /// What the variance of a sample is made of; `None` where there is none.
    pub(super) fn of_sample(&self) -> Option<Shares> {
        self.shares(self.sample)
    }

    /// What the variance of a session's centre is made of.
    pub(super) fn of_session(&self) -> Option<Shares> {
        self.shares(self.of_centre)
    }

    fn shares(&self, samples: f64) -> Option<Shares> {
        let parts = [("nodes", self.node), ("sessions", Some(self.session))];
        let negative = parts.iter().filter(|(_, part)| part.is_some_and(|part| part < 0.0));
        let negative = negative.map(|(name, _)| *name).collect();
        let node = self.node.map(|part| part.max(0.0));
        let session = self.session.max(0.0);
        let total = node.unwrap_or(0.0) + session + samples;
        (total > 0.0 && total.is_finite()).then(|| Shares {
            nodes: node.map(|part| part / total),
            sessions: session / total,
            samples: samples / total,
            negative,
        })
    }
}

/// The variances of nodes, of their sessions and of their samples, where the centre of a session is its `centre` (mean
/// or median): the method of moments (Searle, Casella and McCulloch, *Variance Components*, 1992, section 3.6).
/// Samples of a session follow each other and are not independent, so that the variance of their centre is taken from
/// the centres of batches of ⌊√n⌋ of them (Flegal and Jones, *Batch means and spectral variance estimators in Markov
/// chain Monte Carlo*, The Annals of Statistics 38, 2010). `None` below two sessions.
pub(super) fn variances(subject: &Subject<'_>, centre: fn(&[f64]) -> Option<f64>) -> Option<Variances> {
    let centres: Vec<Vec<f64>> = subject
        .nodes()
        .iter()
        .map(|node| node.places.iter().filter_map(|&place| centre(&subject.sessions[place].values)).collect())
        .collect();
    let (mut of_centre, mut samples, mut long_run) = (Vec::new(), Vec::new(), Vec::new());
    for session in &subject.sessions {
        let Some(deviation) = standard_deviation(&session.values) else { continue };
        let batches = batches(&session.values);
        let length = real(session.values.len() / batches.len().max(1));
        let batch = standard_deviation(&batches.iter().filter_map(|batch| centre(batch)).collect::<Vec<_>>());
        let each = batch.map_or(deviation.powi(2), |batch| batch.powi(2) * length);
        samples.push(deviation.powi(2));
        long_run.push(each);
        of_centre.push(each / real(session.values.len()));
    }
    let all = centres.concat();
    let nested = centres.len() > 1 && all.len() > centres.len();
    let effects = if nested { random_effects(&centres, 0.95) } else { None };
    let within = match &effects {
        Some(effects) => effects.within,
        None => standard_deviation(&all)?.powi(2),
    };
    let of_centre = mean(&of_centre).unwrap_or(0.0);
    Some(Variances {
        node: effects.map(|effects| effects.between_raw),
        session: within - of_centre,
        sample: mean(&samples).unwrap_or(0.0),
        of_centre,
        long_run: mean(&long_run).unwrap_or(0.0),
    })
}

/// Consecutive batches of ⌊√n⌋ of `values`, as many as fit whole; the values that are left over belong to the last.
pub(super) fn batches(values: &[f64]) -> Vec<&[f64]> {
    let length = values.len().isqrt().max(1);
    let whole = (values.len() / length).max(1);
    (0..whole)
        .map(|batch| {
            let end = if batch + 1 == whole { values.len() } else { (batch + 1) * length };
            &values[batch * length..end]
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Batches hold every value once, in order.
    #[test]
    fn blocks_hold_everything() {
        for n in [1_u32, 2, 3, 10, 30, 35] {
            let values: Vec<f64> = (0..n).map(f64::from).collect();
            assert_eq!(batches(&values).concat(), values);
        }
        assert_eq!(batches(&[0.0; 30]).iter().map(|batch| batch.len()).collect::<Vec<_>>(), [5; 6]);
    }

    /// Shares add up to 1; a negative part is 0 and named; without any variance there are none.
    #[test]
    fn shares_add_up() {
        let of = |node, session, sample| {
            Variances { node, session, sample, of_centre: 0.0, long_run: sample }.of_sample()
        };
        let found = of(Some(2.0), 1.0, 1.0).expect("a variance");
        assert_eq!((found.nodes, found.sessions, found.samples), (Some(0.5), 0.25, 0.25));
        assert_eq!((found.largest(), found.negative.len()), (("nodes", 0.5), 0));
        let found = of(Some(-0.1), -0.2, 4.0).expect("a variance");
        assert_eq!((found.nodes, found.sessions, found.samples), (Some(0.0), 0.0, 1.0));
        assert_eq!(found.negative, ["nodes", "sessions"]);
        assert_eq!(of(None, 0.0, 0.0), None);
    }
}
