//! How often decisions are right: the real statistics and the real decision on simulated machines.
//!
//!     cargo xtask bench decisions [--write] [--comparisons N]
//!
//! Prints tables in Markdown; `--write` also keeps them as `analytics/src/functions/calibration.md`, which
//! docs/statistics.md ends with. The same figures on every machine: all chance comes from fixed seeds. Fails where a
//! rate is not what is stated and `reasons.rs` does not say why.
#![expect(clippy::print_stdout, reason = "it prints tables")]

mod alarms;
mod comparison;
mod coverage;
mod power;
mod rate;
mod reasons;
mod repeat;
mod scenario;
mod statistic;
mod suites;
mod table;

use coverage::{Plain, coverage_table};
use scenario::Scenario;
use std::{error::Error, fs, time::Instant};

/// Comparisons of a scenario with a number of sessions.
const COMPARISONS: u64 = 2_000;
/// Where the tables are kept.
const CALIBRATION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/functions/calibration.md");

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let (mut write, mut comparisons) = (false, COMPARISONS);
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--write" => write = true,
            "--comparisons" => comparisons = words.next().ok_or("--comparisons takes a number")?.parse()?,
            other => return Err(format!("no option `{other}`; --write or --comparisons N").into()),
        }
    }
    let text = calibration(comparisons);
    println!("{text}");
    if write {
        fs::write(CALIBRATION, &text)?;
    }
    if text.contains(reasons::UNEXPLAINED) {
        return Err("a rate is not what is stated, and reasons.rs does not say why".into());
    }
    Ok(())
}

/// All tables, each with what it shows.
fn calibration(comparisons: u64) -> String {
    let suites = comparisons / 4;
    let mut text = include_str!("heading.md")
        .replace("{comparisons}", &comparisons.to_string())
        .replace("{suites}", &suites.to_string())
        .replace("{samples}", &scenario::SAMPLES.to_string());
    let mut part = |place: &str, table: &dyn Fn() -> table::Table| {
        let began = Instant::now();
        text = text.replace(place, table().into_text().trim_end());
        eprintln!("{place} {:.0} s", began.elapsed().as_secs_f64());
    };
    part("{alarms}", &|| alarms::alarms_table(comparisons));
    part("{suites table}", &|| suites::suites_table(suites));
    part("{power}", &|| power::power_table(comparisons));
    let sessions = &statistic::OF_SESSIONS;
    part("{sessions}", &|| coverage_table(Scenario::independent(), &[5, 10, 30], sessions, comparisons));
    let samples = &statistic::OF_SAMPLES;
    part("{independent}", &|| coverage_table(Plain::ALL.into_iter(), &[10, 30, 100], samples, comparisons));
    text
}
