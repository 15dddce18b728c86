//! What is judged: the sessions of one benchmark, arm and metric, with their nodes.

use crate::{
    selection::{Measured, Selected, Session},
    stats::median,
};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What cannot be judged, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotJudged {
    /// The benchmark, as it is shown.
    pub label: String,
    /// Its side, where there are several.
    pub arm: Option<String>,
    /// The metric.
    pub metric: String,
    /// Why, and what to do.
    pub why: String,
}

/// The sessions of one benchmark, arm and metric.
pub(super) struct Subject<'a> {
    pub(super) measured: &'a Measured,
    pub(super) arm: Option<String>,
    /// In the order of time.
    pub(super) sessions: Vec<Measurement<'a>>,
}

/// What one session measured of it.
pub(super) struct Measurement<'a> {
    pub(super) session: &'a Session,
    /// Its samples, in the order of time.
    pub(super) values: Vec<f64>,
    /// Their median.
    pub(super) centre: f64,
    pub(super) flags: BTreeSet<&'a str>,
}

/// The sessions of one node, by their places in [`Subject::sessions`].
pub(super) struct Node<'a> {
    pub(super) name: &'a str,
    pub(super) places: Vec<usize>,
}

impl<'a> Subject<'a> {
    pub(super) fn centres(&self) -> Vec<f64> {
        self.sessions.iter().map(|session| session.centre).collect()
    }

    /// Its nodes, by name.
    pub(super) fn nodes(&self) -> Vec<Node<'a>> {
        let mut nodes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, measurement) in self.sessions.iter().enumerate() {
            nodes.entry(&measurement.session.node).or_default().push(place);
        }
        nodes.into_iter().map(|(name, places)| Node { name, places }).collect()
    }

    /// The centres of the sessions of each node.
    pub(super) fn centres_by_node(&self) -> Vec<Vec<f64>> {
        let centres = |node: Node<'_>| node.places.iter().map(|&place| self.sessions[place].centre).collect();
        self.nodes().into_iter().map(centres).collect()
    }

    fn not_judged(&self, why: String) -> NotJudged {
        NotJudged {
            label: self.measured.label.clone(),
            arm: self.arm.clone(),
            metric: self.measured.metric.clone(),
            why,
        }
    }

    /// Why its spread says nothing, if it does not.
    fn trouble(&self) -> Option<String> {
        let broken =
            |measurement: &&Measurement<'_>| measurement.values.iter().any(|value| !value.is_finite());
        if let Some(found) = self.sessions.iter().find(broken) {
            let sessions = self.sessions.iter().filter(broken).count();
            let samples = found.values.iter().filter(|value| !value.is_finite()).count();
            return Some(format!(
                "{sessions} of {} sessions have samples that are no finite numbers, such as session {} on {} with \
                 {samples} of {}: find out where they come from, or leave those sessions out with a selector",
                self.sessions.len(),
                found.session.session_id,
                found.session.node,
                found.values.len()
            ));
        }
        let least = self.sessions.iter().min_by(|a, b| a.centre.total_cmp(&b.centre))?;
        (least.centre <= 0.0 && !all_equal(&self.centres())).then(|| {
            format!(
                "its centres are not all positive (session {} has {}): a spread relative to them means nothing",
                least.session.session_id,
                crate::format::quantity(least.centre, &self.measured.unit)
            )
        })
    }
}

/// Whether all of `values` are the same number.
#[expect(clippy::float_cmp, reason = "whether they are the same is the question")]
pub(super) fn all_equal(values: &[f64]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

/// What there is to judge, and what cannot be: mixed units or directions, numbers that are not finite,
/// centres that are not positive.
pub(super) fn subjects<'a>(
    selected: &'a Selected,
    measured: &'a [Measured],
) -> (Vec<Subject<'a>>, Vec<NotJudged>) {
    let sessions = selected.by_id();
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    let mut kinds: BTreeMap<(&str, &str), Vec<&Measured>> = BTreeMap::new();
    for group in measured {
        kinds.entry((&group.label, &group.metric)).or_default().push(group);
    }
    for groups in kinds.values() {
        if let [first, .., last] = groups.as_slice()
            && let Some(why) = mixed(groups, first, last)
        {
            refused.push(NotJudged {
                label: first.label.clone(),
                arm: None,
                metric: first.metric.clone(),
                why,
            });
            continue;
        }
        for subject in groups.iter().flat_map(|group| by_arm(group, &sessions)) {
            match subject.trouble() {
                Some(why) => refused.push(subject.not_judged(why)),
                None => found.push(subject),
            }
        }
    }
    (found, refused)
}

/// What is not the same in all groups of one label and metric.
fn mixed(groups: &[&Measured], first: &Measured, last: &Measured) -> Option<String> {
    let told = |word: &str, of: &dyn Fn(&Measured) -> String| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for group in groups {
            *counts.entry(of(group)).or_default() += group.observed.len();
        }
        let told = counts.iter().map(|(value, count)| format!("`{value}` in {count} series"));
        let told: Vec<_> = told.collect();
        format!(
            "its sessions do not agree on {word}: {}; select sessions that do (run:ID, commit:SHA)",
            told.join(", ")
        )
    };
    if first.unit != last.unit || groups.iter().any(|group| group.unit != first.unit) {
        return Some(told("the unit", &|group| group.unit.clone()));
    }
    groups
        .iter()
        .any(|group| group.better != first.better)
        .then(|| told("which direction is better", &|group| group.better.to_string()))
}

/// One subject per arm; the arm is told where there are several.
fn by_arm<'a>(group: &'a Measured, sessions: &BTreeMap<&str, &'a Session>) -> Vec<Subject<'a>> {
    let mut arms: BTreeMap<Option<&str>, Vec<Measurement<'a>>> = BTreeMap::new();
    for series in &group.observed {
        let Some(&session) = sessions.get(series.session_id.as_str()) else { continue };
        let arm = arms.entry(session.arm.as_deref()).or_default();
        let flags = series.flags.iter().map(String::as_str);
        match arm.iter_mut().find(|known| known.session.session_id == session.session_id) {
            // A session that has several series, one per device, is one session.
            Some(known) => {
                known.values.extend(&series.values);
                known.flags.extend(flags);
            }
            None => arm.push(Measurement {
                session,
                values: series.values.clone(),
                centre: f64::NAN,
                flags: flags.collect(),
            }),
        }
    }
    let several = arms.len() > 1;
    let mut subjects = Vec::new();
    for (arm, mut sessions) in arms {
        for measurement in &mut sessions {
            measurement.centre = median(&measurement.values).unwrap_or(f64::NAN);
        }
        let arm = arm.filter(|_| several).map(str::to_owned);
        subjects.push(Subject { measured: group, arm, sessions });
    }
    subjects
}
