//! Timing on a device: events around the region, and a gate before it, so that the host's launches are no
//! part of the time.
//!
//! A sample is, in the order of the stream: what prepares it (the level-2 cache is overwritten for a cold one);
//! a wait for a word in the host's memory, which is set when the launches are enqueued; the first event; the
//! iterations; the second event. So the device never waits for the host within a sample, as long as it does not
//! outrun the host after the first [`AHEAD`] launches. The same is usually done by a kernel that spins (nvbench);
//! a wait of the stream needs neither a kernel nor a multiprocessor.
#![expect(unsafe_code, reason = "the gate is a word that the host and the device share")]

use super::{
    device::Device,
    error::GpuError,
    running::{Hook, end},
};
use cudarc::driver::{
    CudaEvent, CudaSlice, CudaStream, PinnedHostSlice,
    sys::{self, CUevent_flags, CUstreamWaitValue_flags},
};
use std::{
    hint,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

/// Launches that are enqueued before the gate opens. A stream takes about a thousand; the launch after that
/// would wait for the device, which waits for the gate.
pub(crate) const AHEAD: u64 = 512;
/// How long the device may take for anything. Shorter than any benchmark's `timeout` by default, so that the process
/// itself says what the device did not finish.
pub(crate) const LIMIT: Duration = Duration::from_secs(20);
/// Pairs of events that calibrate them.
const PAIRS: usize = 64;

/// What times the samples of one benchmark.
pub(crate) struct Lane {
    device: Arc<Device>,
    start: CudaEvent,
    end: CudaEvent,
    gate: Gate,
    /// What is written over to empty the level-2 cache.
    flush: Option<CudaSlice<u8>>,
    /// Enqueued between the gate and the first event.
    align: Option<Hook>,
    /// Asked while the device is waited for: whether waiting is still of use.
    look: Option<Hook>,
}

impl Lane {
    /// `cold` samples begin with an empty level-2 cache; what `align` enqueues comes before the first event, and
    /// `look` is asked while the device is waited for.
    pub(crate) fn new(
        device: &Arc<Device>,
        cold: bool,
        (align, look): (Option<Hook>, Option<Hook>),
    ) -> Result<Self, GpuError> {
        if std::env::var("CUDA_LAUNCH_BLOCKING").is_ok_and(|value| value != "0") {
            return Err(GpuError::Missing(
                "CUDA_LAUNCH_BLOCKING is set: each launch would wait for the device, which waits for the launches: unset it".into(),
            ));
        }
        let problem = GpuError::driver("setting up the timing");
        let event = || device.context.new_event(Some(CUevent_flags::CU_EVENT_DEFAULT)).map_err(&problem);
        let flush = cold.then(|| device.stream.alloc_zeros(2 * device.l2)).transpose();
        Ok(Self {
            device: device.clone(),
            start: event()?,
            end: event()?,
            gate: Gate::new(device)?,
            flush: flush.map_err(&problem)?,
            align,
            look,
        })
    }

    /// Enqueues what comes before a sample: the emptying of the caches.
    pub(crate) fn prepare(&mut self) -> Result<(), GpuError> {
        let problem = GpuError::driver("emptying the level-2 cache");
        match &mut self.flush {
            Some(flush) => self.device.stream.memset_zeros(flush).map_err(problem),
            None => Ok(()),
        }
    }

    /// Times `iterations` of `enqueue`, which does not wait for the device, in seconds; of `launches` launches
    /// each. Without a gate where `gated` is false: the time is then the host's as much as the device's.
    pub(crate) fn time(
        &mut self,
        iterations: u64,
        launches: u64,
        gated: bool,
        mut enqueue: impl FnMut() -> Result<(), GpuError>,
    ) -> Result<f64, GpuError> {
        let problem = GpuError::driver("timing");
        let stream = self.device.stream.clone();
        if gated {
            self.gate.close(&stream)?;
        }
        let aligned = self.align.as_ref().map_or(Ok(()), |align| align());
        let mut enqueued = aligned.and_then(|()| self.start.record(&stream).map_err(&problem));
        let ahead = (AHEAD / launches.max(1)).max(1);
        for iteration in 0..iterations {
            if enqueued.is_err() {
                break;
            }
            if gated && iteration == ahead {
                self.gate.open();
            }
            enqueued = enqueue();
        }
        let ended = enqueued.and_then(|()| self.end.record(&stream).map_err(&problem));
        // Whatever happened, the stream goes on.
        self.gate.open();
        ended?;
        until(&self.end, "a sample", || {
            self.look.as_ref().map_or(Ok(()), |look| look())?;
            hint::spin_loop();
            Ok(())
        })?;
        let milliseconds = self.start.elapsed_ms(&self.end).map_err(&problem)?;
        Ok(f64::from(milliseconds) / 1e3)
    }

    /// The smallest step that the device's events were seen to make, and the median time of a pair with nothing
    /// between, in seconds.
    pub(crate) fn calibrate(&mut self) -> Result<(f64, f64), GpuError> {
        let mut times = Vec::with_capacity(PAIRS);
        for _ in 0..PAIRS {
            times.push(self.time(1, 1, true, || Ok(()))?);
        }
        Ok(steps(&mut times))
    }
}

/// A word in the host's memory that a stream waits for.
struct Gate {
    /// Holds the word.
    _memory: PinnedHostSlice<u32>,
    word: *const AtomicU32,
}

impl Gate {
    fn new(device: &Device) -> Result<Self, GpuError> {
        let problem = GpuError::driver("setting up the timing");
        // SAFETY: it is written before anything reads it.
        let memory = unsafe { device.context.alloc_pinned_with_flags(1, sys::CU_MEMHOSTALLOC_DEVICEMAP) };
        let memory: PinnedHostSlice<u32> = memory.map_err(&problem)?;
        let word = memory.as_ptr().map_err(&problem)?.cast();
        let gate = Self { _memory: memory, word };
        gate.set(0);
        Ok(gate)
    }

    fn set(&self, value: u32) {
        // SAFETY: it is page-locked memory of this value, aligned, and shared with the device alone, which reads it.
        unsafe { &*self.word }.store(value, Ordering::Release);
    }

    /// Has `stream` wait until the gate is opened.
    fn close(&self, stream: &CudaStream) -> Result<(), GpuError> {
        self.set(0);
        let flags = CUstreamWaitValue_flags::CU_STREAM_WAIT_VALUE_GEQ as u32;
        // SAFETY: page-locked memory has the same address on the device, and outlives the wait: a lane waits for
        // its stream before it ends.
        unsafe { sys::cuStreamWaitValue32_v2(stream.cu_stream(), self.word as u64, 1, flags) }
            .result()
            .map_err(GpuError::driver("closing the gate"))
    }

    fn open(&self) {
        self.set(1);
    }
}

/// The smallest difference between two of `times`, and their median.
fn steps(times: &mut [f64]) -> (f64, f64) {
    times.sort_unstable_by(f64::total_cmp);
    let differences = times.windows(2).map(|pair| pair[1] - pair[0]).filter(|difference| *difference > 0.0);
    let median = times[times.len() / 2];
    // Where all are equal, the step is no larger than they are.
    (differences.fold(median.max(1e-9), f64::min).max(1e-9), median)
}

/// Waits for everything on the stream of `device`, as long as [`LIMIT`]. Unlike the driver's own wait it ends.
pub(crate) fn finish(device: &Device, what: &'static str) -> Result<(), GpuError> {
    finish_stream(&device.stream, what)
}

/// The same for any stream.
pub(crate) fn finish_stream(stream: &CudaStream, what: &'static str) -> Result<(), GpuError> {
    let event = stream.record_event(None).map_err(GpuError::driver(what))?;
    until(&event, what, || {
        std::thread::sleep(Duration::from_micros(50));
        Ok(())
    })
}

/// Ends the process, as the device did not finish `what` within [`LIMIT`]: dropping anything that it works on would wait
/// for it.
pub(crate) fn late(what: &'static str) -> ! {
    end(&GpuError::TimedOut { what, seconds: LIMIT.as_secs() })
}

/// Does `meanwhile` again and again until `event` is complete, as long as [`LIMIT`].
fn until(
    event: &CudaEvent,
    what: &'static str,
    meanwhile: impl Fn() -> Result<(), GpuError>,
) -> Result<(), GpuError> {
    let begun = Instant::now();
    while !event.try_is_complete().map_err(GpuError::driver(what))? {
        if begun.elapsed() > LIMIT {
            late(what);
        }
        meanwhile()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The step is the smallest difference, the overhead the median; equal times have some step.
    #[test]
    fn steps_of_events() {
        let (step, median) = steps(&mut [2.0e-6, 1.0e-6, 1.5e-6, 1.5e-6, 1.032e-6]);
        assert!((step - 3.2e-8).abs() < 1e-15 && (median - 1.5e-6).abs() < 1e-15);
        assert_eq!(steps(&mut [1e-6; 4]), (1e-6, 1e-6));
        assert_eq!(steps(&mut [0.0; 4]), (1e-9, 0.0));
    }
}
