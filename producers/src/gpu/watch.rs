//! What a device does while it is measured: clocks, temperature, power, reasons for which it slows down.

use super::device::Device;
use crate::measure::Beside;

/// What was seen of a device since a benchmark was set up.
#[derive(Debug, Default)]
pub(crate) struct Watch {}

impl Watch {
    pub(crate) fn start(_device: &Device) -> Self {
        Self {}
    }

    /// Looks, if the last look was long ago.
    pub(crate) fn look(&mut self) {}

    /// What was seen.
    pub(crate) fn end(&mut self) -> Beside {
        Beside::default()
    }
}
