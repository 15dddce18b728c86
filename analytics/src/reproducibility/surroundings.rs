//! How a node or session that is off differs from the others in its environment.

use crate::{
    selection::{Session, differences},
    stats::{median, quantile},
};
use serde::Serialize;
use std::collections::BTreeSet;

/// A fact that none of the others shares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Differing {
    /// The fact, such as `cpu.governor`.
    pub key: String,
    /// What it is here.
    pub here: Vec<String>,
    /// What it is elsewhere.
    pub elsewhere: Vec<String>,
}

/// Facts that change by themselves and explain times where they are far off: told as medians.
const EXPLAIN: [&str; 5] = ["noise.", "thermal.", "cpu.steal", "load.1m", "memory.available"];
/// How many scaled median absolute deviations count as far off.
const FAR: f64 = 5.0;
/// And at least so much of the others' median: facts that hardly vary elsewhere are not told for a trifle.
const AT_LEAST: f64 = 0.2;
/// How many values of the others are told.
const TOLD: usize = 4;

/// How the environments of `here` differ from those of `elsewhere`: facts of which no value occurs there, and facts
/// that change by themselves where they are far off.
pub(super) fn differing(here: &[&Session], elsewhere: &[&Session]) -> Vec<Differing> {
    if here.is_empty() || elsewhere.is_empty() {
        return Vec::new();
    }
    let found = differences(here, elsewhere);
    let mut told: Vec<Differing> = found
        .decisive
        .iter()
        .chain(&found.told)
        .filter(|difference| difference.first.is_disjoint(&difference.second))
        .map(|difference| Differing {
            key: difference.key.clone(),
            here: texts(&difference.first),
            elsewhere: texts(&difference.second),
        })
        .collect();
    let keys: BTreeSet<&String> = here.iter().flat_map(|session| session.environment.keys()).collect();
    let explains = |key: &&&String| EXPLAIN.iter().any(|name| key.starts_with(name));
    told.extend(keys.iter().filter(explains).filter_map(|key| far_off(key, here, elsewhere)));
    told
}

fn texts(values: &BTreeSet<Option<String>>) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "not known".to_owned());
    let mut texts: Vec<String> = values.iter().take(TOLD).map(text).collect();
    if values.len() > TOLD {
        texts.push(format!("… {} more", values.len() - TOLD));
    }
    texts
}

/// The medians of a number on both sides, where the one here is far from the others.
fn far_off(key: &str, here: &[&Session], elsewhere: &[&Session]) -> Option<Differing> {
    let numbers = |side: &[&Session]| -> Vec<f64> {
        let values = side.iter().filter_map(|session| session.environment.get(key)?.parse().ok());
        values.filter(|value: &f64| value.is_finite()).collect()
    };
    let (ours, theirs) = (numbers(here), numbers(elsewhere));
    let (ours, centre) = (median(&ours)?, median(&theirs)?);
    let deviations: Vec<f64> = theirs.iter().map(|value| (value - centre).abs()).collect();
    let spread = 1.4826 * median(&deviations)?;
    let range = (quantile(&theirs, 0.0)?, quantile(&theirs, 1.0)?);
    let away = (ours - centre).abs();
    let is_far =
        away > FAR * spread && away > AT_LEAST * centre.abs() && !(range.0..=range.1).contains(&ours);
    is_far.then(|| Differing {
        key: key.to_owned(),
        here: vec![crate::format::number(ours)],
        elsewhere: vec![format!("{} (median)", crate::format::number(centre))],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use benchlake_schemas::Micros;
    use std::collections::BTreeMap;

    fn session(facts: &[(&str, &str)]) -> Session {
        Session {
            session_id: "s".into(),
            run_id: "r".into(),
            started_at: Micros::default(),
            node: "n".into(),
            arm: None,
            round: 0,
            commit: None,
            branch: None,
            dirty: None,
            environment: facts
                .iter()
                .map(|&(key, value)| (key.to_owned(), value.to_owned()))
                .collect::<BTreeMap<_, _>>(),
        }
    }

    /// A fact is told where no other shares it; load and noise only where they are far from what they are elsewhere;
    /// the commit never.
    #[test]
    fn what_nobody_shares_is_told() {
        let off = session(&[
            ("cpu.governor", "powersave"),
            ("kernel", "6.8"),
            ("load.1m", "7.5"),
            ("noise.lost", "0.0011"),
            ("benchlake.commit", "abc"),
        ]);
        let others: Vec<Session> = ["0.10", "0.20", "0.15", "0.05"]
            .iter()
            .enumerate()
            .map(|(i, load)| {
                let kernel = if i == 0 { "6.8" } else { "6.9" };
                session(&[
                    ("cpu.governor", "performance"),
                    ("kernel", kernel),
                    ("load.1m", load),
                    ("noise.lost", "0.0010"),
                ])
            })
            .collect();
        let others: Vec<&Session> = others.iter().collect();
        let found = differing(&[&off], &others);
        let told: Vec<_> =
            found.iter().map(|it| (it.key.as_str(), it.here.join(","), it.elsewhere.join(","))).collect();
        assert_eq!(
            told,
            [
                ("cpu.governor", "powersave".into(), "performance".into()),
                ("load.1m", "7.5".into(), "0.125 (median)".into())
            ]
        );
        assert_eq!(differing(&[&off], &[]), []);
    }
}
