//! A workload of several ranks: set up alone, connected together, then measured as any other of a device.
#![expect(unsafe_code, reason = "enqueues a collective on addresses of the device")]

use super::{buffer::Buffer, communicator::Communicator};
use crate::{
    gpu::{
        device::Device,
        error::GpuError,
        lane,
        parameters::Values,
        running::{Hook, Opened, Running},
    },
    measure::{Beside, RunFailed, Workload, WrongResult},
    ranks::{Group, RankError},
    session::Refused,
};
use benchlake_schemas::{Check, Timer, Work};
use std::{panic::resume_unwind, sync::Arc};

/// What a rank has set up alone.
pub(super) trait Part {
    /// The same, with the other ranks.
    ///
    /// # Errors
    /// [`GpuError`] if it cannot be filled.
    fn connected(self: Box<Self>, communicator: Arc<Communicator>) -> Result<Opened, GpuError>;
}

/// What is enqueued before the first event of a sample: all devices meet, so that the time begins everywhere at
/// once; and what is asked while the device is waited for.
pub(super) fn hooks(
    device: &Arc<Device>,
    communicator: &Arc<Communicator>,
) -> Result<(Option<Hook>, Option<Hook>), GpuError> {
    let (on, together, place) = (device.clone(), communicator.clone(), Buffer::new(device, 4)?);
    // SAFETY: the buffer lives as long as the hook, which outlives whatever its lane enqueues.
    let align = move || unsafe { together.mean(&on, place.at(0), 1) };
    // The first time NCCL may allocate, load kernels and connect, which waits for the whole device: behind a gate
    // it would wait for ever.
    align()?;
    lane::finish(device, "the first collective")?;
    let watched = communicator.clone();
    Ok((Some(Box::new(align)), Some(Box::new(move || watched.look()))))
}

/// A workload of several ranks.
pub(super) struct OfRanks {
    device: Arc<Device>,
    label: String,
    values: Values,
    part: Option<Box<dyn Part>>,
    running: Option<Running>,
}

impl OfRanks {
    pub(super) fn new(device: Arc<Device>, label: String, values: Values, part: Box<dyn Part>) -> Self {
        Self { device, label, values, part: Some(part), running: None }
    }

    fn running(&mut self) -> &mut Running {
        let alone = || resume_unwind(Box::new(RunFailed("its ranks were never connected".into())));
        self.running.as_mut().unwrap_or_else(alone)
    }

    fn run_once(&mut self, communicator: Arc<Communicator>) -> Result<(), GpuError> {
        let Some(part) = self.part.take() else { return Ok(()) };
        let opened = part.connected(communicator)?;
        self.running = Some(Running::new(self.device.clone(), self.label.clone(), &self.values, opened)?);
        Ok(())
    }
}

impl Workload for OfRanks {
    fn join(&mut self, group: &Group) -> Result<(), Refused> {
        let joined = Communicator::connect(&self.device, group).map(Arc::new);
        // From here on a rank that fails leaves the others waiting in a collective, as does one that still
        // waits for them: its session ends.
        let together = |error: GpuError| -> Refused {
            if group.size() > 1 {
                resume_unwind(Box::new(RankError::Here(error.to_string())));
            }
            error.into()
        };
        let communicator = match joined {
            Err(error) if error.is_lost() => return Err(together(error)),
            joined => joined?,
        };
        self.run_once(communicator).map_err(together)
    }

    fn run(&mut self, iterations: u64) {
        self.running().run(iterations);
    }

    fn prepare(&mut self, iterations: u64) {
        self.running().prepare(iterations);
    }

    fn settle(&mut self) {
        self.running().settle();
    }

    fn warmed_up(&mut self) {
        self.running().warmed_up();
    }

    fn check(&mut self) -> Result<Check, WrongResult> {
        self.running().check()
    }

    fn work(&self) -> Work {
        self.running.as_ref().map(Workload::work).unwrap_or_default()
    }

    fn timer(&self) -> Option<Timer> {
        self.running.as_ref().and_then(Workload::timer)
    }

    fn device_time(&mut self) -> Option<f64> {
        self.running().device_time()
    }

    fn device(&self) -> Option<String> {
        Some(self.device.uuid.clone())
    }

    fn beside(&mut self) -> Beside {
        self.running().beside()
    }
}
