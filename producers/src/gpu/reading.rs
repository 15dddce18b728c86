//! What is read of a device while it is measured, and what that says of the samples. Plain values: where they
//! come from, NVML or a recording, is not known here.

use super::facts::{EccErrors, Slowdown};
use crate::measure::{Beside, Samples};
use benchlake_schemas::{Flag, Metric, Micros};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, time::Duration};

/// How long a phase lasts at least for its energy to be told: the counter is updated some ten times a second,
/// so that it is off by 5 % at most.
pub(crate) const ENERGY: Duration = Duration::from_secs(2);
/// The share of a phase in which the device worked, at least, for its energy to be that of the work.
const BUSY: f64 = 0.8;

/// What a device does now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Reading {
    /// What slows it down.
    pub(crate) slowdowns: BTreeSet<Slowdown>,
    /// Kelvin.
    pub(crate) temperature: Option<f64>,
    /// Watts.
    pub(crate) power: Option<f64>,
    /// Hertz.
    pub(crate) sm_clock: Option<f64>,
    /// Hertz.
    pub(crate) memory_clock: Option<f64>,
}

/// What a device has counted, and who holds it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Counts {
    /// Joules.
    pub(crate) energy: Option<f64>,
    /// Nanoseconds in which power or heat kept it below its clocks.
    pub(crate) slowed: Option<u64>,
    pub(crate) ecc_errors: EccErrors,
    /// Processes that compute on it, by the ids that the driver knows.
    pub(crate) processes: Vec<u32>,
}

/// What was read during a phase.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Phase {
    /// When it began, in microseconds UTC.
    pub(crate) started_at: Micros,
    pub(crate) before: Counts,
    /// Readings, each with its time since the beginning.
    pub(crate) readings: Vec<(Duration, Reading)>,
    /// Iterations that ran.
    pub(crate) iterations: u64,
    /// Seconds in which the device worked on them.
    pub(crate) busy: f64,
}

impl Phase {
    /// The flags and series of the phase, which ended after `length`, with `after` counted; `own` is the id of
    /// this process.
    pub(crate) fn beside(&self, length: Duration, after: &Counts, own: u32) -> Beside {
        let slow = self.readings.iter().any(|(_, reading)| !reading.slowdowns.is_empty())
            || self.before.slowed.zip(after.slowed).is_some_and(|(before, after)| after > before);
        let shared = others(&self.before.processes, own) + others(&after.processes, own) > 0;
        let flags = [(slow, Flag::Throttled), (shared, Flag::Noisy)];
        let mut series = vec![
            self.levels(Metric::DeviceTemperature, |reading| reading.temperature),
            self.levels(Metric::DevicePower, |reading| reading.power),
            self.levels(Metric::SmClock, |reading| reading.sm_clock),
            self.levels(Metric::MemoryClock, |reading| reading.memory_clock),
        ];
        series.extend(self.energy(length, after).map(|energy| (Metric::DeviceEnergy, energy)));
        series.retain(|(_, samples)| !samples.samples.is_empty());
        Beside {
            flags: flags.into_iter().filter_map(|(is_so, flag)| is_so.then_some(flag)).collect(),
            series,
        }
    }

    /// A level that was read now and then.
    fn levels(&self, metric: Metric, level: impl Fn(&Reading) -> Option<f64>) -> (Metric, Samples) {
        let mut samples = Samples { started_at: self.started_at, ..Samples::default() };
        for (at, reading) in &self.readings {
            let Some(level) = level(reading) else { continue };
            samples.offsets.push(i64::try_from(at.as_nanos()).unwrap_or(i64::MAX));
            samples.samples.push(level);
            samples.iterations.push(1);
        }
        (metric, samples)
    }

    /// The energy of all iterations, where the phase was long enough, and the device at work.
    fn energy(&self, length: Duration, after: &Counts) -> Option<Samples> {
        let energy = after.energy? - self.before.energy?;
        let busy = self.busy / length.as_secs_f64();
        (length >= ENERGY && busy >= BUSY && energy > 0.0).then(|| Samples {
            started_at: self.started_at,
            offsets: vec![0],
            samples: vec![energy],
            iterations: vec![i64::try_from(self.iterations).unwrap_or(i64::MAX)],
            host: Vec::new(),
        })
    }

    /// Errors of the memory that appeared since the phase began.
    pub(crate) fn new_errors(&self, after: &Counts) -> EccErrors {
        let more = |before: Option<u64>, after: Option<u64>| Some(after?.saturating_sub(before?));
        let (before, after) = (self.before.ecc_errors, after.ecc_errors);
        EccErrors {
            corrected: more(before.corrected, after.corrected),
            uncorrected: more(before.uncorrected, after.uncorrected),
        }
    }
}

/// How many of `processes` are not this one, which is among them. In a container it is so under an id that it
/// does not know.
fn others(processes: &[u32], own: u32) -> usize {
    let strangers = processes.iter().filter(|id| **id != own).count();
    if strangers == processes.len() { strangers.saturating_sub(1) } else { strangers }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What NVML would answer during a phase, written by hand.
    #[derive(Deserialize)]
    struct Recording {
        before: Counts,
        readings: Vec<Reading>,
        after: Counts,
    }

    fn recorded(text: &str) -> (Phase, Counts) {
        let Recording { before, readings, after } = serde_json::from_str(text).expect("a recording");
        let at = |place: usize| Duration::from_millis(50) * u32::try_from(place).expect("few");
        let readings = readings.into_iter().enumerate().map(|(i, reading)| (at(i), reading)).collect();
        (Phase { started_at: 7, before, readings, iterations: 1_000, busy: 2.4 }, after)
    }

    fn values(beside: &Beside, metric: Metric) -> &[f64] {
        let found = beside.series.iter().find(|(of, _)| *of == metric);
        found.map_or(&[], |(_, samples)| &samples.samples)
    }

    /// A phase in which the device reached its power limit once: flagged, with every level as it was read, and
    /// the energy of all iterations.
    #[test]
    fn a_phase_at_the_power_limit() {
        let (phase, after) = recorded(include_str!("../../tests/devices/power_limit.json"));
        let beside = phase.beside(Duration::from_millis(2_500), &after, 4_711);
        assert_eq!(beside.flags, [Flag::Throttled]);
        assert_eq!(values(&beside, Metric::DeviceTemperature), [318.15, 319.15, 321.15]);
        assert_eq!(values(&beside, Metric::DevicePower), [612.25, 699.5, 700.125]);
        assert_eq!(values(&beside, Metric::SmClock), [1.98e9, 1.98e9, 1.755e9]);
        let (_, clock) = &beside.series[2];
        assert_eq!((clock.started_at, &clock.offsets), (7, &vec![0, 50_000_000, 100_000_000]));
        assert_eq!(clock.iterations, [1, 1, 1]);
        let (_, energy) = beside.series.last().expect("the energy");
        assert_eq!((energy.samples[0], energy.iterations[0]), (1_700.5, 1_000));
        assert_eq!(phase.new_errors(&after), EccErrors { corrected: Some(2), uncorrected: Some(0) });
    }

    /// Too short a phase, or too idle a device, has no energy.
    #[test]
    fn energy_is_not_guessed() {
        let (mut phase, after) = recorded(include_str!("../../tests/devices/power_limit.json"));
        let energy = |phase: &Phase, seconds| {
            let beside = phase.beside(Duration::from_secs_f64(seconds), &after, 4_711);
            values(&beside, Metric::DeviceEnergy).len()
        };
        assert_eq!((energy(&phase, 1.9), energy(&phase, 2.9), energy(&phase, 3.1)), (0, 1, 0));
        phase.before.energy = None;
        assert_eq!(energy(&phase, 2.5), 0);
    }

    /// A device that tells nothing leaves no series and no flag; a reason that was over between two looks shows
    /// in what the device counts.
    #[test]
    fn what_is_not_told_is_not_there() {
        let quiet = Phase { readings: vec![Default::default(); 3], ..Phase::default() };
        let none = Counts::default();
        assert_eq!(quiet.beside(Duration::from_secs(9), &none, 1), Beside::default());
        let counted = |slowed| Counts { slowed: Some(slowed), ..Counts::default() };
        let phase = Phase { before: counted(5), ..Phase::default() };
        assert_eq!(phase.beside(Duration::ZERO, &counted(6), 1).flags, [Flag::Throttled]);
        assert!(phase.beside(Duration::ZERO, &counted(5), 1).flags.is_empty());
    }

    /// This process is no other one, under whatever id the driver knows it.
    #[test]
    fn others_are_counted() {
        assert_eq!((others(&[7], 7), others(&[7, 8], 7), others(&[], 7)), (0, 1, 0));
        assert_eq!((others(&[90_001], 7), others(&[90_001, 90_002], 7)), (0, 1));
    }
}
