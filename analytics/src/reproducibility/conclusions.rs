//! What follows from it all, in sentences: who is off, what would decide, what the next run needs.

use super::{
    Reproducibility, Reproducible,
    laboratories::Kind,
    plan::{Cheapest, MOST, NextRun},
    standing::Standing,
    surroundings::Differing,
    words::{called, duration, level, many, signed_percent, title, wider},
};

/// How many of a kind are told; the rest is counted.
const TOLD: usize = 8;

/// What a reader should know and do, the most important first.
pub(super) fn conclusions(all: &Reproducibility) -> Vec<String> {
    let mut told = vec![counts(all)];
    let (named, others): (Vec<_>, Vec<_>) = all.off.iter().partition(|standing| standing.named);
    told.extend(named.iter().take(TOLD).map(|standing| who(standing)));
    if named.len() > TOLD {
        told.push(format!("… and {} more stand out.", named.len() - TOLD));
    }
    if !others.is_empty() {
        told.push(by_chance(&others, !named.is_empty()));
    }
    told.extend(undecided(all));
    told.extend(next_run(all));
    let not_judged = all
        .not_judged
        .iter()
        .map(|it| format!("Not judged: {}: {}.", title(&it.label, it.arm.as_deref(), &it.metric), it.why));
    told.extend(not_judged);
    told.extend(all.remarks.iter().map(|remark| format!("Note: {remark}.")));
    told
}

fn counts(all: &Reproducibility) -> String {
    let of = |answer| all.benchmarks.iter().filter(|it| it.reproducible == answer).count();
    format!(
        "{} of {} within {}, {} not, {} undecided; {} on {} of {} ({}).",
        of(Reproducible::Yes),
        many(all.benchmarks.len(), "benchmark"),
        level(all.limit),
        of(Reproducible::No),
        of(Reproducible::Undecided),
        many(all.sessions, "session"),
        many(all.nodes.len(), "node"),
        many(all.runs, "run"),
        all.selector
    )
}

fn who(standing: &Standing) -> String {
    let whose = if standing.kind == Kind::Session { format!(" of {}", standing.node) } else { String::new() };
    let way = match standing.spread {
        Some(spread) if standing.p_far.is_none() => format!("it spreads {}", wider(spread)),
        _ => format!("{} at the median", signed_percent(standing.deviation)),
    };
    format!(
        "{}{whose} stands out: {way} of {}, off in {}. {}",
        called(standing.kind, &standing.name),
        many(standing.of, "benchmark"),
        standing.off(),
        differs(&standing.differing)
    )
}

/// How an environment differs, or where else to look.
pub(super) fn differs(differing: &[Differing]) -> String {
    if differing.is_empty() {
        return "Nothing that is recorded of its environment differs: look at temperature, firmware and \
                neighbours of the machine."
            .to_owned();
    }
    let told = differing.iter().take(TOLD).map(|it| {
        format!("{} is {} there and {} elsewhere", it.key, it.here.join(", "), it.elsewhere.join(", "))
    });
    let mut text = told.collect::<Vec<_>>().join("; ");
    if differing.len() > TOLD {
        text.push_str(&format!("; … {} more", differing.len() - TOLD));
    }
    text + "."
}

/// Who is off in some benchmark, which says nothing: somebody is always the farthest.
fn by_chance(others: &[&Standing], also: bool) -> String {
    let some = others.iter().take(3).map(|standing| {
        format!("{} in {} of {}", called(standing.kind, &standing.name), standing.off(), standing.of)
    });
    format!(
        "{} beyond a critical value in some benchmark, but not farther or more often than chance and the usual \
         spread explain: {}{}.",
        if also { "Others are" } else { "Nobody stands out. Some are" },
        some.collect::<Vec<_>>().join(", "),
        if others.len() > 3 { format!(", … {} more", others.len() - 3) } else { String::new() }
    )
}

/// What would decide the undecided.
fn undecided(all: &Reproducibility) -> Vec<String> {
    let undecided = || all.benchmarks.iter().filter(|it| it.reproducible == Reproducible::Undecided);
    let single = undecided().filter(|it| it.spread.is_none()).count();
    let mut told = Vec::new();
    if single > 0 {
        told.push(format!(
            "{} measured in one session alone, which has no spread between sessions: measure at least 3, better 10 \
             (`benchlake run --sessions 10`).",
            if single == 1 { "1 benchmark was".to_owned() } else { format!("{single} benchmarks were") }
        ));
    }
    let some: Vec<String> = undecided()
        .filter_map(|it| {
            let needed = it.deciding?;
            Some(format!(
                "{} ({} on {})",
                it.title(),
                many(needed.sessions, "session"),
                many(needed.nodes, "node")
            ))
        })
        .collect();
    if !some.is_empty() {
        let more = if some.len() > 3 { format!(", … {} more", some.len() - 3) } else { String::new() };
        told.push(format!("More would decide: {}{more}.", some[..some.len().min(3)].join(", ")));
    }
    told
}

fn next_run(all: &Reproducibility) -> Option<String> {
    let next = all.next_run.as_ref()?;
    let mut parts: Vec<String> = needed(all, next).into_iter().collect();
    let some = |titles: &[String]| {
        let more = if titles.len() > 3 { format!(", … {} more", titles.len() - 3) } else { String::new() };
        format!("{}{more}", titles[..titles.len().min(3)].join(", "))
    };
    if !next.beyond.is_empty() {
        parts.push(format!(
            "No sensible number of sessions brings {} within ±{}: {MOST} are not enough ({}).",
            many(next.beyond.len(), "benchmark"),
            level(all.precision),
            some(&next.beyond)
        ));
    }
    if !next.unknown.is_empty() {
        parts.push(format!(
            "Of {} no number is known ({}).",
            many(next.unknown.len(), "benchmark"),
            some(&next.unknown)
        ));
    }
    Some(parts.join(" "))
}

/// The sessions of the neediest benchmark that a sensible number is enough for.
fn needed(all: &Reproducibility, next: &NextRun) -> Option<String> {
    let (sessions, needed_by) = (next.sessions?, next.needed_by.as_deref()?);
    let mut text = format!(
        "For ±{} at {} the next run needs {sessions} sessions with as many samples as now ({needed_by} needs most)",
        level(all.precision),
        level(all.level),
    );
    if let Some(seconds) = next.seconds {
        text.push_str(&format!(": {} one after the other", duration(seconds)));
        if next.nodes > 1 {
            let beside = duration(seconds / next.nodes as f64);
            text.push_str(&format!(", {beside} with the {} nodes side by side", next.nodes));
        }
    }
    text.push('.');
    let neediest = all.benchmarks.iter().find(|it| it.title() == needed_by);
    if let Some(cheapest) = neediest.and_then(|it| it.plan?.cheapest).filter(Cheapest::saves) {
        text.push_str(&format!(
            " Cheaper for that benchmark: {} samples in each of {} sessions.",
            cheapest.samples, cheapest.sessions
        ));
    }
    Some(text)
}
