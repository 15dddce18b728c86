//! Bias and spread of an empty body and a body of 5 ns, by tool.

use crate::{
    peer::{Criterion, divan, plain},
    rule::{deviation, median, scaled_mad},
    session::{BODIES, Run},
};
use anyhow::Result;
use std::collections::BTreeMap;

/// What every tool warms up for (divan does not) and measures for, in seconds, a body.
const WARM_UP: f64 = 0.5;
const MEASUREMENT: f64 = 1.0;

/// Estimates by body and tool, in nanoseconds, one of every process.
type Estimates = BTreeMap<(String, &'static str), Vec<f64>>;

const PLAIN: &str = "plain loop";
const OURS: &str = "benchlake";
/// The tools, ours first; criterion's slope is what it prints, its median is in its files.
const TOOLS: [&str; 4] = [OURS, "criterion, slope", "criterion, median", "divan, median"];

/// Measures both bodies in `rounds` processes of each tool, in turns, and prints the table.
pub(crate) fn bias(rounds: usize) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut estimates = Estimates::new();
    for round in 0..rounds {
        // Every round begins with another tool, so that none is always after the same one.
        for turn in 0..4 {
            for (body, tool, value) in one((round + turn) % 4, folder.path())? {
                estimates.entry((body, tool)).or_default().push(value);
            }
        }
    }
    println!("bias and spread: {rounds} processes of each tool, in turns, {MEASUREMENT} s a body\n");
    for body in ["body_empty", "body_five"] {
        print(body, &estimates);
    }
    Ok(())
}

/// One process of a tool: what it estimates, by body and name.
fn one(tool: usize, folder: &std::path::Path) -> Result<Vec<(String, &'static str, f64)>> {
    Ok(match tool {
        0 => plain("bodies")?.into_iter().map(|(body, values)| (body, PLAIN, values[0])).collect(),
        1 => {
            let session = Run::new(&BODIES, &folder.join("spool"))?.session("baseline", 0)?;
            session.into_iter().map(|(body, median)| (body, OURS, median)).collect()
        }
        2 => {
            let bodies = Criterion::new(&folder.join("criterion"), WARM_UP, MEASUREMENT).bodies()?;
            let both = |(body, (slope, median)): (String, (f64, f64))| {
                [(body.clone(), TOOLS[1], slope), (body, TOOLS[2], median)]
            };
            bodies.into_iter().flat_map(both).collect()
        }
        _ => divan(MEASUREMENT)?.into_iter().map(|(body, median)| (body, TOOLS[3], median)).collect(),
    })
}

/// Bias and spread of a tool, in picoseconds.
struct Figures {
    estimate: f64,
    bias: f64,
    mad: f64,
    deviation: f64,
}

impl Figures {
    fn of(values: &[f64], truth: f64) -> Self {
        let estimate = median(values);
        let picoseconds = |ns: f64| 1e3 * ns;
        Self {
            estimate,
            bias: picoseconds(estimate - truth),
            mad: picoseconds(scaled_mad(values)),
            deviation: picoseconds(deviation(values)),
        }
    }
}

/// The table of one body: what is true is the fastest repeat of the plain loop in any process.
fn print(body: &str, estimates: &Estimates) {
    let of = |tool| estimates.get(&(body.to_owned(), tool)).map_or(&[][..], Vec::as_slice);
    let truth = of(PLAIN).iter().copied().fold(f64::INFINITY, f64::min);
    println!("{body}: {truth:.4} ns in the plain loop (median of its processes {:.4} ns)", median(of(PLAIN)));
    println!(
        "  {:<18} {:>11} {:>9} {:>10} {:>10}   ours / theirs: |bias|  MAD   sd",
        "tool", "estimate ns", "bias ps", "MAD ps", "sd ps"
    );
    let ours = Figures::of(of(OURS), truth);
    for tool in TOOLS {
        let theirs = Figures::of(of(tool), truth);
        print!(
            "  {tool:<18} {:>11.4} {:>+9.1} {:>10.1} {:>10.1}",
            theirs.estimate, theirs.bias, theirs.mad, theirs.deviation
        );
        if tool == OURS {
            println!();
        } else {
            let ratios = [
                ours.bias.abs() / theirs.bias.abs(),
                ours.mad / theirs.mad,
                ours.deviation / theirs.deviation,
            ];
            println!("   {:>21.2} {:>5.2} {:>5.2}", ratios[0], ratios[1], ratios[2]);
        }
    }
    println!();
}
