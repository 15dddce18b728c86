//! What a device does while it is measured: clocks, temperature, power, reasons for which it slows down. Read
//! between samples, never within one.

use super::{
    device::Device,
    facts::EccErrors,
    nvml::{self, nvml},
    pool::Pool,
    reading::{Counts, Phase, Reading},
    running::one,
};
use crate::measure::Beside;
use benchlake_schemas::{Metric, now};
use nvml_wrapper::enum_wrappers::device::{Clock, PerformancePolicy};
use std::time::{Duration, Instant};

/// The least time between two looks.
const EVERY: Duration = Duration::from_millis(50);

/// What was seen of a device since a phase of its benchmark began.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Where the driver knows it.
    device: Option<nvml_wrapper::Device<'static>>,
    uuid: String,
    pool: Option<Pool>,
    begun: Instant,
    phase: Phase,
}

impl Watch {
    /// Begins with `device`, after what its workload needs is allocated.
    pub(crate) fn start(device: &Device) -> Self {
        let pool = Pool::of(device);
        if let Some(pool) = &pool {
            pool.forget();
        }
        let mut watch = Self {
            device: known(device),
            uuid: device.uuid.clone(),
            pool,
            begun: Instant::now(),
            phase: Phase::default(),
        };
        watch.restart();
        watch
    }

    /// Forgets what was seen; but for the memory, which was allocated before.
    pub(crate) fn restart(&mut self) {
        let before = self.device.as_ref().map(counts).unwrap_or_default();
        self.phase = Phase { started_at: now(), before, ..Phase::default() };
        self.begun = Instant::now();
    }

    /// Looks, if the last look was long ago.
    pub(crate) fn look(&mut self) {
        let at = self.begun.elapsed();
        let due = self.phase.readings.last().is_none_or(|(last, _)| at.saturating_sub(*last) >= EVERY);
        if let Some(device) = self.device.as_ref().filter(|_| due) {
            self.phase.readings.push((at, reading(device)));
        }
    }

    /// Notes a sample of `iterations`, on which the device worked for `time` seconds.
    pub(crate) fn ran(&mut self, iterations: u64, time: f64) {
        self.phase.iterations += iterations;
        self.phase.busy += time;
    }

    /// What was seen. Warns of errors of the memory.
    pub(crate) fn end(&mut self) -> Beside {
        let mut beside = Beside::default();
        if let Some(device) = &self.device {
            let length = self.begun.elapsed();
            self.phase.readings.push((length, reading(device)));
            let after = counts(device);
            beside = self.phase.beside(length, &after, std::process::id());
            warn(&self.uuid, self.phase.new_errors(&after));
        }
        let memory = self.pool.as_ref().and_then(Pool::most);
        #[expect(clippy::cast_precision_loss, reason = "no device has 2^53 bytes")]
        beside.series.extend(memory.map(|bytes| (Metric::PeakDeviceMemory, one(bytes as f64))));
        beside
    }
}

/// `device` as NVML knows it: by its name, or by its place, as the name of a slice is its own.
fn known(device: &Device) -> Option<nvml_wrapper::Device<'static>> {
    let nvml = nvml().ok()?;
    nvml.device_by_uuid(device.uuid.as_str()).or_else(|_| nvml.device_by_pci_bus_id(device.bus.as_str())).ok()
}

/// The reasons come first: they may be over before the rest is read.
fn reading(device: &nvml_wrapper::Device) -> Reading {
    Reading {
        slowdowns: nvml::slowdowns(device),
        sm_clock: nvml::hertz(device, Clock::SM),
        memory_clock: nvml::hertz(device, Clock::Memory),
        power: nvml::power(device),
        temperature: nvml::temperature(device),
    }
}

fn counts(device: &nvml_wrapper::Device) -> Counts {
    let slowed = [PerformancePolicy::Power, PerformancePolicy::Thermal]
        .into_iter()
        .filter_map(|policy| device.violation_status(policy).ok().map(|status| status.violation_time));
    Counts {
        energy: nvml::energy(device),
        slowed: slowed.reduce(u64::saturating_add),
        ecc_errors: nvml::ecc_errors(device),
        processes: nvml::processes(device),
    }
}

fn warn(uuid: &str, EccErrors { corrected, uncorrected }: EccErrors) {
    if corrected.unwrap_or(0) + uncorrected.unwrap_or(0) > 0 {
        tracing::warn!(
            device = uuid,
            corrected,
            uncorrected,
            "errors of the device's memory while it was measured: see `nvidia-smi -q -d ECC,ROW_REMAPPER`"
        );
    }
}
