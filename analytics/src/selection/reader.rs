//! Puts rows of the table `series` together as they come, within a budget of memory.

use super::{
    Measured, Selected,
    columns::Columns,
    part::{Part, bytes, one_a_session},
};
use arrow::{array::RecordBatch, error::ArrowError};
use benchlake_schemas::Better;
use std::collections::{BTreeMap, HashMap};

/// What orders benchmarks: the name, then the id, as compaction orders the files of a lake.
pub(super) type Key = (String, String);

/// Whether the parts of a group are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Kept,
    /// Not in this pass: the budget is spent.
    Left,
    /// Nobody wants it.
    Unwanted,
}

/// A benchmark and metric in a unit and direction.
struct Group {
    of: Measured,
    fate: Fate,
    parts: Vec<Part>,
    /// What its parts take, or would take.
    bytes: usize,
}

impl Group {
    fn key(&self) -> (&str, &str) {
        (&self.of.benchmark, &self.of.benchmark_id)
    }

    fn is(&self, columns: &Columns, row: usize) -> bool {
        self.of.metric == columns.metric.value(row)
            && self.of.unit == columns.unit.value(row)
            && self.of.better.as_str() == columns.better.value(row)
    }

    /// Leaves it to another pass: what is needed to know it again stays.
    fn leave(&mut self) {
        self.fate = Fate::Left;
        self.parts = Vec::new();
        self.of.parameters.clear();
        self.of.label = String::new();
    }
}

/// Which groups are wanted.
pub(super) type Wanted<'a> = &'a (dyn Fn(&Measured) -> bool + Sync);

/// Puts rows of several sides together. Where what it keeps grows beyond its budget, the last benchmarks by their
/// [`Key`] are left to another pass; one benchmark is always kept.
pub(super) struct Reader<'a, const N: usize> {
    /// The ids of the sessions of all sides, one side after the other.
    sessions: Vec<&'a str>,
    /// Where each side begins in `sessions`.
    sides: [usize; N],
    places: HashMap<&'a str, usize>,
    wanted: Wanted<'a>,
    budget: usize,
    groups: Vec<Group>,
    /// Where the groups of each benchmark's id are.
    known: HashMap<String, Vec<usize>>,
    /// What the parts that are kept take.
    held: usize,
    /// The first benchmark that is left.
    left_from: Option<Key>,
    /// Whether each side has a sample, wanted or not.
    measured: [bool; N],
}

impl<'a, const N: usize> Reader<'a, N> {
    pub(super) fn new(sides: &[&'a Selected; N], wanted: Wanted<'a>, budget: usize) -> Self {
        let mut sessions = Vec::new();
        let begins = sides.map(|side| {
            let begin = sessions.len();
            sessions.extend(side.sessions.iter().map(|session| session.session_id.as_str()));
            begin
        });
        Self {
            places: sessions.iter().enumerate().map(|(place, session)| (*session, place)).collect(),
            measured: [false; N],
            sides: begins,
            sessions,
            wanted,
            budget,
            groups: Vec::new(),
            known: HashMap::new(),
            held: 0,
            left_from: None,
        }
    }

    pub(super) fn read(&mut self, batch: &RecordBatch) -> Result<(), ArrowError> {
        let columns = Columns::new(batch)?;
        for row in 0..batch.num_rows() {
            let Some(&session) = self.places.get(columns.session.value(row)) else { continue };
            let samples = columns.samples(row);
            if samples > 0 {
                self.add(&columns, row, session, samples);
            }
        }
        self.keep_within_budget();
        Ok(())
    }

    fn add(&mut self, columns: &Columns, row: usize, session: usize, samples: usize) {
        let place = self.group(columns, row);
        let side = side(&self.sides, session);
        let group = &mut self.groups[place];
        if group.fate != Fate::Kept && self.measured[side] {
            group.bytes += bytes(samples);
            return;
        }
        let values = columns.values(row);
        if values.is_empty() {
            return;
        }
        self.measured[side] = true;
        group.bytes += bytes(values.len());
        if group.fate == Fate::Kept {
            self.held += bytes(values.len());
            group.parts.push(Part {
                session,
                rank: columns.rank.value(row),
                device: columns.device(row),
                chunk: columns.chunk.value(row),
                values,
                flags: columns.flags(row),
            });
        }
    }

    /// The place of a row's group.
    fn group(&mut self, columns: &Columns, row: usize) -> usize {
        let id = columns.id.value(row);
        let of_id = self.known.get(id).map_or(&[][..], Vec::as_slice);
        if let Some(&place) = of_id.iter().find(|&&place| self.groups[place].is(columns, row)) {
            return place;
        }
        let of = columns.measured(row);
        let is_left = |(benchmark, id): &Key| (&of.benchmark, &of.benchmark_id) >= (benchmark, id);
        let fate = match (self.wanted)(&of) {
            false => Fate::Unwanted,
            true if self.left_from.as_ref().is_some_and(is_left) => Fate::Left,
            true => Fate::Kept,
        };
        let mut group = Group { of, fate, parts: Vec::new(), bytes: 0 };
        if fate == Fate::Left {
            group.leave();
        }
        self.groups.push(group);
        self.known.entry(id.to_owned()).or_default().push(self.groups.len() - 1);
        self.groups.len() - 1
    }

    /// Leaves the last benchmarks where too much is kept, so that a quarter of the budget is free again.
    fn keep_within_budget(&mut self) {
        if self.held <= self.budget {
            return;
        }
        let mut held = 0;
        let is_left = |(_, bytes): &(Key, usize)| {
            let is_first = held == 0;
            held += bytes;
            !is_first && held > self.budget / 4 * 3
        };
        let Some((first_left, _)) = self.sizes(Fate::Kept).into_iter().find(is_left) else { return };
        for group in self.groups.iter_mut().filter(|group| group.fate == Fate::Kept) {
            if group.key() >= (&first_left.0, &first_left.1) {
                self.held -= group.bytes;
                group.leave();
            }
        }
        self.left_from = Some(first_left);
    }

    /// What each benchmark of a fate takes.
    fn sizes(&self, fate: Fate) -> BTreeMap<Key, usize> {
        let mut sizes: BTreeMap<Key, usize> = BTreeMap::new();
        for group in self.groups.iter().filter(|group| group.fate == fate) {
            *sizes.entry((group.of.benchmark.clone(), group.of.benchmark_id.clone())).or_default() +=
                group.bytes;
        }
        sizes
    }

    /// Whether each side has a sample.
    pub(super) fn measured(&self) -> [bool; N] {
        self.measured
    }

    /// What is left to other passes, in ranges that fit the budget.
    pub(super) fn left(&self) -> Vec<(Key, Key)> {
        let mut ranges: Vec<(Key, Key)> = Vec::new();
        let mut held = 0;
        for (key, bytes) in self.sizes(Fate::Left) {
            held += bytes;
            match ranges.last_mut().filter(|_| held <= self.budget) {
                Some((_, last)) => *last = key,
                None => {
                    ranges.push((key.clone(), key));
                    held = bytes;
                }
            }
        }
        ranges
    }

    /// What each side measured of the groups that are kept, by label, id, metric, unit and direction.
    pub(super) fn finish(self) -> [Vec<Measured>; N] {
        let mut measured = [const { Vec::new() }; N];
        for Group { of, parts, .. } in self.groups {
            let mut of_sides = [const { Vec::new() }; N];
            for (session, series) in one_a_session(parts, of.better, &self.sessions) {
                of_sides[side(&self.sides, session)].push(series);
            }
            for (measured, observed) in measured.iter_mut().zip(of_sides) {
                if !observed.is_empty() {
                    measured.push(Measured { observed, ..of.clone() });
                }
            }
        }
        for side in &mut measured {
            side.sort_by(|a, b| order(a).cmp(&order(b)));
        }
        measured
    }
}

fn order(one: &Measured) -> (&str, &str, &str, &str, Better) {
    (&one.label, &one.benchmark_id, &one.metric, &one.unit, one.better)
}

/// The side that a session belongs to.
fn side(begins: &[usize], session: usize) -> usize {
    begins.iter().rposition(|begin| *begin <= session).unwrap_or(0)
}
