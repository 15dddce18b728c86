//! A simulated fleet is what its plan says, and nothing else.

use benchlake_producers::{
    emit::{Entry, Spool, SpoolError, SpoolOptions, drains},
    simulate::{Faults, Fleet, NodeSession, Noise, Plan, Regression, Tally, to_kafka, to_spool},
};
use benchlake_schemas::{Envelope, ProducerId, Record, Table};
use proptest::prelude::*;
use std::{collections::BTreeMap, error::Error, path::Path, sync::atomic::AtomicBool};

type TestResult = Result<(), Box<dyn Error>>;

fn fleet(plan: Plan) -> Fleet {
    Fleet::new(plan).expect("a plan")
}

fn bytes(fleet: &Fleet, node: u32, round: u32) -> Vec<u8> {
    let NodeSession { start, series, end } = fleet.session(node, round);
    let producer = fleet.producer(node);
    let record = |record: Result<Record, _>| record.expect("rows encode").payload;
    let sessions = record(Record::encode(Table::Sessions, producer, 1, &[start, end]));
    [sessions, record(Record::encode(Table::Series, producer, 1, &series))].concat()
}

fn cv(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64;
    variance.sqrt() / mean
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The same seed gives the same bytes, in any order and however many nodes and sessions there are;
    /// another seed gives others.
    #[test]
    fn a_seed_decides_every_byte(seed: u64, node in 0..4_u32, round in 0..4_u32) {
        let plan = Plan { nodes: 4, sessions: 4, series: 7, samples: 5, seed, ..Plan::default() };
        let small = fleet(plan.clone());
        let large = fleet(Plan { nodes: 100, sessions: 40, ..plan.clone() });
        let _ = large.session(99, 39);
        prop_assert_eq!(bytes(&small, node, round), bytes(&large, node, round));
        let other = fleet(Plan { seed: seed ^ 1, ..plan });
        prop_assert_ne!(bytes(&small, node, round), bytes(&other, node, round));
        prop_assert_ne!(small.producer(node), other.producer(node));
    }

    /// A step moves each sample of its benchmark by its ratio from its session on, and nothing else; the
    /// fleet with the step is another one, so that a lake does not take it for the one without.
    #[test]
    fn a_step_moves_what_it_names(ratio in 0.5..2.0_f64, session in 0..6_u32, node in 0..3_u32) {
        let plan = Plan { nodes: 3, sessions: 6, ..Plan::default() };
        let step = Regression { benchmark: "cpu.triad".into(), ratio, session };
        let (before, after) = (fleet(plan.clone()), fleet(Plan { regressions: vec![step], ..plan }));
        prop_assert_ne!(before.producer(node), after.producer(node));
        for round in 0..6 {
            let (before, after) = (before.session(node, round), after.session(node, round));
            prop_assert_eq!(after.start.arm.as_deref(), Some(if round < session { "baseline" } else { "candidate" }));
            for (before, after) in before.series.iter().zip(&after.series) {
                let moved = round >= session && before.benchmark == "cpu.triad";
                for (before, after) in before.samples.iter().zip(&after.samples) {
                    let expected = if moved { before * ratio } else { *before };
                    prop_assert!((after / expected - 1.0).abs() < 1e-12);
                }
            }
        }
    }
}

/// A regression is read from its end, as labels have `=` too, and one that fits nothing is refused.
#[test]
fn regressions_name_what_is_there() -> TestResult {
    let plan = |text: &str| -> Result<Plan, Box<dyn Error>> {
        Ok(Plan { regressions: vec![text.parse()?], ..Plan::default() })
    };
    let label = fleet(Plan::default()).benchmarks().next().ok_or("a benchmark")?.to_string();
    let parsed: Regression = format!("{label}=1.05@9").parse()?;
    assert_eq!(parsed, Regression { benchmark: label.clone(), ratio: 1.05, session: 9 });
    assert!(Fleet::new(plan(&format!("{label}=1.05@9"))?).is_ok());
    let says = |text: &str| -> Result<String, Box<dyn Error>> {
        Ok(Fleet::new(plan(text)?).err().ok_or("refused")?.to_string())
    };
    assert!(says("cpu.gem=1.05@2")?.contains("\"cpu.gem\"") && says("cpu.gem=1.05@2")?.contains("cpu.gemm"));
    assert!(says("nothing=1.05@2")?.contains("cpu.add, cpu.alloc"), "{}", says("nothing=1.05@2")?);
    assert!(says(&label.replace("n=", "n=1").replace('}', "}=1@2"))?.contains(&label));
    assert!(says("cpu.gemm=1.05@10")?.contains("the sessions are 0 to 9"));
    for wrong in ["cpu.gemm", "cpu.gemm=1.05", "=1@2", "a=0@2", "a=inf@2", "a=1@x"] {
        assert!(wrong.parse::<Regression>().is_err(), "{wrong}");
    }
    Ok(())
}

/// Each switch moves what it is for by as much as asked, and the rest stands still.
#[test]
fn noise_is_as_asked_for() {
    // The centres of a benchmark over nodes and sessions, and the spread within a series.
    let measured = |noise: Noise| {
        let fleet =
            fleet(Plan { nodes: 200, sessions: 10, series: 1, samples: 101, noise, ..Plan::default() });
        let centre = |node, round| {
            let mut samples = fleet.session(node, round).series.remove(0).samples;
            samples.sort_by(f64::total_cmp);
            samples[50]
        };
        let nodes: Vec<_> = (0..200).map(|node| centre(node, 0)).collect();
        let sessions: Vec<_> = (0..10).map(|round| centre(0, round)).collect();
        let within = fleet.session(0, 0).series.remove(0).samples;
        (cv(&nodes), cv(&sessions), cv(&within), sessions[9] / sessions[0])
    };
    let near = |found: f64, asked: f64| (found / asked - 1.0).abs() < 0.25;
    let zero = |found: f64| found < 1e-12;
    let (nodes, sessions, within, _) = measured(Noise::NONE);
    assert!(zero(nodes) && zero(sessions) && zero(within), "{nodes} {sessions} {within}");
    let (nodes, sessions, within, _) = measured(Noise { node: 0.02, ..Noise::NONE });
    assert!(near(nodes, 0.02) && zero(sessions) && zero(within), "{nodes} {sessions} {within}");
    let (nodes, _, within, _) = measured(Noise { session: 0.03, ..Noise::NONE });
    assert!(near(nodes, 0.03) && zero(within), "{nodes} {within}");
    let (nodes, _, within, _) = measured(Noise { iteration: 0.05, ..Noise::NONE });
    assert!(near(within, 0.05) && nodes < 0.01, "{nodes} {within}");
    let (nodes, _, within, drifted) = measured(Noise { drift: 1.2, ..Noise::NONE });
    assert!(zero(nodes) && zero(within) && (drifted - 1.2).abs() < 1e-9, "{drifted}");
}

/// Rows keep the rules of their tables: they can be landed, offsets follow samples, long series are
/// cut into chunks, times and ids grow.
#[test]
fn rows_keep_the_rules() -> TestResult {
    let fleet = fleet(Plan { series: 2, samples: 20_000, ..Plan::default() });
    let session = fleet.session(3, 4);
    assert_eq!(session.series.iter().map(|row| row.chunk).collect::<Vec<_>>(), [0, 1, 0, 1]);
    assert_eq!(session.series.len() as i64, fleet.rows_of_series());
    let record = Record::encode(Table::Series, fleet.producer(3), 1, &session.series)?;
    Envelope::seal(&record).open(Table::Series)?;
    for row in &session.series {
        assert!(row.started_at >= session.start.started_at);
        let ends = row.offsets.iter().zip(&row.samples).map(|(offset, sample)| *offset as f64 + sample * 1e9);
        assert!(ends.zip(&row.offsets[1..]).all(|(end, next)| *next as f64 > end));
    }
    assert!(session.end.ended_at > Some(session.series[3].started_at));
    let runs: Vec<_> = (0..10).map(|round| fleet.session(0, round).start.run_id).collect();
    assert!(runs.is_sorted() && runs[4] == session.start.run_id);
    Ok(())
}

/// What is sent, by producer and table: the numbers of the rows of each record, in order; damaged
/// messages apart.
#[derive(Default)]
struct Wire {
    records: BTreeMap<(ProducerId, Table), Vec<(i64, i64)>>,
    producers: Vec<ProducerId>,
    damaged: u64,
    bytes: u64,
}

fn sent(fleet: &Fleet, faults: Faults) -> Result<(Tally, Wire), Box<dyn Error>> {
    let mut wire = Wire::default();
    let tally = to_kafka(
        fleet,
        faults,
        &mut |table, producer, envelope| {
            wire.bytes += envelope.payload.len() as u64;
            match envelope.open(table) {
                Ok((_, range)) => {
                    assert_eq!(range.producer, producer);
                    wire.records.entry((producer, table)).or_default().push((range.first, range.last));
                    wire.producers.push(producer);
                }
                Err(_) => wire.damaged += 1,
            }
            Ok(())
        },
        &AtomicBool::new(false),
        &mut |_| {},
    )?;
    Ok((tally, wire))
}

/// Without faults each row goes out once, numbered without a hole; a fault changes what it is for.
#[test]
fn faults_are_counted() -> TestResult {
    let fleet = fleet(Plan { nodes: 20, sessions: 4, series: 3, samples: 8, ..Plan::default() });
    let whole = |wire: &Wire| {
        wire.records.values().all(|ranges| {
            let mut next = 1;
            // A record that is sent again is known; a later one follows without a hole.
            let fit = ranges.iter().all(|&(first, last)| {
                let fits = first <= next;
                next = next.max(last + 1);
                fits
            });
            fit && next > 1
        })
    };
    let (tally, clean) = sent(&fleet, Faults::default())?;
    assert_eq!((tally.sessions, tally.rows, tally.samples), (80, 80 * 5, 80 * 24));
    assert_eq!((tally.duplicates, tally.late, tally.broken, clean.damaged), (0, 0, 0, 0));
    assert_eq!((tally.bytes, clean.producers.len(), whole(&clean)), (clean.bytes, 240, true));

    let (tally, wire) = sent(&fleet, Faults { duplicates: 0.3, ..Faults::default() })?;
    assert!((50..95).contains(&tally.duplicates), "{tally:?}");
    assert_eq!((wire.producers.len() as u64, tally.rows, whole(&wire)), (240 + tally.duplicates, 400, true));

    let (tally, wire) = sent(&fleet, Faults { broken: 0.3, ..Faults::default() })?;
    assert!((50..95).contains(&tally.broken), "{tally:?}");
    assert_eq!((wire.damaged, wire.records == clean.records), (tally.broken, true));

    let (tally, wire) = sent(&fleet, Faults { late: 0.3, ..Faults::default() })?;
    let late = usize::try_from(tally.late)?;
    assert!(late > 0 && late % 12 == 0 && wire.records == clean.records, "{tally:?}");
    let (punctual, late) = wire.producers.split_at(240 - late);
    assert!(late.iter().all(|producer| !punctual.contains(producer)));
    Ok(())
}

fn spooled(root: &Path) -> Result<Vec<(ProducerId, Table, Vec<u8>)>, SpoolError> {
    let mut found = Vec::new();
    for drain in drains(root, None)? {
        let mut reader = drain.reader()?;
        while let Ok(Some(Entry::Record { envelope, .. })) = reader.next_entry() {
            found.push((drain.producer, drain.table, envelope.payload));
        }
    }
    Ok(found)
}

/// A spool holds the same rows whether it was written at once, again, or in two parts; a producer that
/// somebody else writes is left alone.
#[test]
fn a_spool_is_completed() -> TestResult {
    let dir = tempfile::tempdir()?;
    let (once, parts) = (dir.path().join("once"), dir.path().join("parts"));
    let plan = Plan { nodes: 3, sessions: 4, series: 3, samples: 8, ..Plan::default() };
    let write = |sessions: u32, root: &Path| {
        let fleet = fleet(Plan { sessions, ..plan.clone() });
        to_spool(&fleet, root, 4, &AtomicBool::new(false), &mut |_| {})
    };
    let tally = write(4, &once)?;
    assert_eq!((tally.sessions, tally.rows, tally.samples, tally.known), (12, 60, 288, 0));
    let rows = spooled(&once)?;
    assert_eq!(rows.len(), 36);
    let again = write(4, &once)?;
    assert_eq!((again.sessions, again.rows, again.bytes, again.known), (12, 0, 0, 60));
    assert_eq!(spooled(&once)?, rows);

    assert_eq!(write(1, &parts)?.known, 0);
    assert_eq!(write(4, &parts)?.known, 15);
    assert!(spooled(&parts)? == rows);

    let producer = fleet(plan.clone()).producer(1);
    let _held = Spool::open_as(&once, producer, 4, SpoolOptions::default())?;
    let error = write(4, &once).expect_err("the producer is taken").to_string();
    assert!(error.contains(&producer.to_string()) && error.contains("another process"), "{error}");
    Ok(())
}
