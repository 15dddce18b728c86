//! How the answer for one benchmark came about, in sentences with every number in them.

use super::{
    Assessment, Reproducibility, Reproducible,
    conclusions::differs,
    laboratories::{Kind, Laboratories, Status},
    plan::{Cheapest, Plan},
    shares::Shares,
    words::{called, duration, figure, level, many, p, percent, range, signed_percent, with_share},
};
use crate::format::quantity;

/// How the answer of `assessment` came about.
#[must_use]
pub fn explain(assessment: &Assessment, all: &Reproducibility) -> Vec<String> {
    let mut told = vec![measured(assessment)];
    told.extend(judged(assessment, all));
    told.extend(shares(assessment));
    if let Some(precision) = &assessment.precision {
        told.extend(laboratories(assessment, precision));
    }
    told.extend(off(assessment, all));
    told.extend(assessment.plan.as_ref().map(|plan| plan_of(assessment, plan, all)));
    told
}

fn measured(assessment: &Assessment) -> String {
    let Assessment { sessions, nodes, samples, centre, unit, .. } = assessment;
    let mut text = format!(
        "{} on {} measured it, {samples} samples in all; the mean of the sessions' medians is {}.",
        many(*sessions, "session"),
        many(*nodes, "node"),
        quantity(*centre, unit)
    );
    let flags = assessment.flags.iter();
    let flags: Vec<_> =
        flags.map(|(flag, count)| format!("`{flag}` in {}", many(*count, "session"))).collect();
    if !flags.is_empty() {
        text.push_str(&format!(" Flags: {}; flagged samples count as all others.", flags.join(", ")));
    }
    text
}

fn judged(assessment: &Assessment, all: &Reproducibility) -> Vec<String> {
    let limit = level(all.limit);
    let Some(spread) = assessment.spread else {
        return vec![format!(
            "One session has no spread between sessions: whether it is within {limit} is undecided. Measure at least 3, \
             better 10 (`benchlake run --sessions 10`)."
        )];
    };
    let (low, high) = (spread.interval.low, spread.interval.high);
    if high <= 0.0 {
        return vec![
            "All sessions have exactly the same median, so that there is no spread: yes. A count may be so; of a \
             time, look whether the clock can tell differences (`benchlake doctor`)."
                .to_owned(),
        ];
    }
    let method = if assessment.nodes > 1 && assessment.sessions > assessment.nodes {
        "after Graybill and Wang, as the sessions of a node are not independent of each other"
    } else {
        "after Vangel"
    };
    let mut told = vec![format!(
        "The medians spread by {} (coefficient of variation of a session on any node); the {} interval of that is {}, {method}.",
        percent(spread.cv),
        level(all.level),
        range(low, high)
    )];
    told.push(match assessment.reproducible {
        Reproducible::Yes => format!("The whole interval is within the limit of {limit}: reproducible."),
        Reproducible::No => format!("The whole interval is above the limit of {limit}: not reproducible."),
        Reproducible::Undecided => {
            let side = if spread.cv <= all.limit { "within" } else { "above" };
            format!(
                "The limit of {limit} lies inside the interval: undecided, though the estimate itself is {side}. {}",
                deciding(assessment)
            )
        }
    });
    told
}

/// What would decide.
fn deciding(assessment: &Assessment) -> String {
    match assessment.deciding {
        Some(needed) if needed.nodes > assessment.nodes => format!(
            "If the spread stays what it is, {} on {} would decide: more sessions on {} would not, which tell too \
             little of how far nodes spread.",
            many(needed.sessions, "session"),
            many(needed.nodes, "node"),
            if assessment.nodes == 1 {
                "this node".to_owned()
            } else {
                format!("these {} nodes", assessment.nodes)
            }
        ),
        Some(needed) => format!(
            "If the spread stays what it is, {} on {} would decide.",
            many(needed.sessions, "session"),
            many(needed.nodes, "node")
        ),
        None => {
            "The spread is too near to the limit for any sensible number of sessions to decide.".to_owned()
        }
    }
}

fn shares(assessment: &Assessment) -> Vec<String> {
    let parts = |shares: &Shares| {
        let nodes = shares.nodes.map_or_else(String::new, |share| format!("nodes make {}, ", percent(share)));
        let mut text = format!(
            "{nodes}sessions {}, samples within a session {}.",
            percent(shares.sessions),
            percent(shares.samples)
        );
        if !shares.negative.is_empty() {
            text.push_str(&format!(
                " The estimate for {} came out negative and is 0: what varies below explains all there is.",
                shares.negative.join(" and ")
            ));
        }
        text
    };
    let mut told = Vec::new();
    told.extend(
        assessment
            .session_shares
            .as_ref()
            .map(|shares| format!("Of the variance of a session's median {}", parts(shares))),
    );
    told.extend(
        assessment
            .shares
            .as_ref()
            .map(|shares| format!("Of the variance of a single sample {}", parts(shares))),
    );
    if assessment.nodes > 1 && assessment.shares.as_ref().is_some_and(|shares| shares.nodes.is_none()) {
        told.push("With one session a node, nodes and sessions cannot be told apart.".to_owned());
    }
    told
}

fn laboratories(assessment: &Assessment, precision: &Laboratories) -> Vec<String> {
    let share = |value| with_share(value, precision.mean, &assessment.unit);
    let (are, of) = match precision.are {
        Kind::Node => {
            ("nodes are the laboratories and their sessions' medians the results", "sessions of one node")
        }
        Kind::Session => (
            "sessions are the laboratories and the medians of batches of ⌊√n⌋ consecutive samples the results, as too few nodes \
             have two sessions",
            "batches of one session",
        ),
    };
    let mut told = vec![format!(
        "ISO 5725, where {are}: repeatability standard deviation {}, reproducibility standard deviation {}. Of 100 \
         pairs of {of} 95 differ by at most {}, of different {}s by at most {}.",
        share(precision.repeatability_sd),
        share(precision.reproducibility_sd),
        share(precision.repeatability_limit),
        precision.are.as_str(),
        share(precision.reproducibility_limit)
    )];
    if !precision.left_out.is_empty() {
        told.push(format!("Left out, as they have one session: {}.", precision.left_out.join(", ")));
    }
    told.push(tests(precision));
    told.extend(precision.laboratories.iter().map(|laboratory| {
        let status = match laboratory.status() {
            Status::Consistent => "",
            Status::Straggler => ": straggler",
            Status::Outlier => ": outlier",
        };
        format!(
            "{} ({}): {}, {} from the others, h {}, k {}{status}.",
            called(precision.are, &laboratory.name),
            many(laboratory.results, "result"),
            quantity(laboratory.mean, &assessment.unit),
            signed_percent(laboratory.deviation),
            figure(laboratory.h),
            figure(laboratory.k)
        )
    }));
    told
}

fn tests(precision: &Laboratories) -> String {
    let (h, k) = (precision.h_critical, precision.k_critical);
    let differ = if precision.p_between < 0.05 {
        "differ beyond what their own spread explains"
    } else {
        "do not differ beyond what their own spread explains, so that h names none"
    };
    let test = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), p);
    let mut text = format!(
        "The {}s {differ} (F test, p {}). Grubbs' test of the farthest: p {}; Cochran's of the widest: p {}.",
        precision.are.as_str(),
        p(precision.p_between),
        test(precision.grubbs_p),
        test(precision.cochran_p)
    );
    if precision.laboratories.len() < 3 {
        text.push_str(" Of two, h cannot tell which one is off.");
    } else {
        text.push_str(&format!(
            " Critical values at 5 % and 1 %: |h| {:.2} and {:.2}, k {:.2} and {:.2}.",
            h.straggler, h.outlier, k.straggler, k.outlier
        ));
    }
    text
}

fn off(assessment: &Assessment, all: &Reproducibility) -> Vec<String> {
    if assessment.off.is_empty() && assessment.precision.is_some() {
        return vec!["No node and no session is off.".to_owned()];
    }
    let told = assessment.off.iter().map(|off| {
        let whose = if off.kind == Kind::Session { format!(" of {}", off.node) } else { String::new() };
        let mut text =
            format!("Off: {}{whose}, {} ({}).", called(off.kind, &off.name), off.way(), off.because);
        let standing = all.off.iter().find(|it| (it.kind, &it.name) == (off.kind, &off.name));
        if let Some(standing) = standing.filter(|standing| !standing.differing.is_empty()) {
            text.push(' ');
            text.push_str(&differs(&standing.differing));
        }
        text
    });
    told.collect()
}

fn plan_of(assessment: &Assessment, plan: &Plan, all: &Reproducibility) -> String {
    let wished = format!("±{} at {}", level(all.precision), level(all.level));
    let Some(sessions) = plan.sessions else {
        return format!("No sensible number of sessions brings the centre within {wished}.");
    };
    let mut text = format!("For {wished} the next run needs {sessions} sessions on the same nodes");
    if let Some(seconds) = plan.seconds {
        text.push_str(&format!(", {} one after the other", duration(seconds)));
    }
    text.push('.');
    if let Some(nodes) = plan.nodes {
        text.push_str(&format!(" To speak of any such node as precisely, it takes {nodes} nodes."));
    }
    if let Some(cheapest) = plan.cheapest.filter(Cheapest::saves) {
        text.push_str(&format!(
            " Cheapest (Kalibera and Jones): {} samples in each of {} sessions, {} instead of {} for this benchmark.",
            cheapest.samples,
            cheapest.sessions,
            duration(cheapest.seconds),
            duration(cheapest.instead_of)
        ));
    } else if assessment.session_shares.as_ref().is_some_and(|shares| shares.sessions <= 0.0) {
        text.push_str(" Sessions add nothing of their own: more samples in fewer sessions do as well.");
    }
    text
}
