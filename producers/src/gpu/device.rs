//! The device that a process measures on.
#![expect(unsafe_code, reason = "streams are synchronised by hand")]

use super::{
    error::GpuError,
    library::Library,
    nvrtc::{Defines, Source},
};
use cudarc::driver::{
    CudaContext, CudaFunction, CudaModule, CudaStream, LaunchConfig, sys::CUdevice_attribute as Attribute,
};
use std::{
    collections::HashMap,
    fmt::Write,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// The device that a process measures on: the first that it sees.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) context: Arc<CudaContext>,
    /// The stream on which everything happens.
    pub(crate) stream: Arc<CudaStream>,
    /// `GPU-…`, as `nvidia-smi -L` shows it.
    pub(crate) uuid: String,
    /// Its place on the PCI bus, such as `00000000:3B:00.0`.
    pub(crate) bus: String,
    /// Compute capability, major and minor.
    pub(crate) capability: (i32, i32),
    pub(crate) multiprocessors: u32,
    /// Threads that a multiprocessor can keep resident.
    pub(crate) resident_threads: u32,
    /// Bytes of the level-2 cache.
    pub(crate) l2: usize,
    modules: Mutex<Modules>,
}

/// What is compiled, by its source and macros.
type Modules = HashMap<(Source, Defines), Arc<CudaModule>>;

impl Device {
    /// The device of this process, opened once.
    ///
    /// # Errors
    /// [`GpuError`] if there is no driver, or no device that may be used.
    pub(crate) fn shared() -> Result<Arc<Self>, GpuError> {
        static DEVICE: OnceLock<Result<Arc<Device>, GpuError>> = OnceLock::new();
        DEVICE.get_or_init(|| Self::open().map(Arc::new)).clone()
    }

    fn open() -> Result<Self, GpuError> {
        Library::Driver.require()?;
        let opening = GpuError::driver("opening the first visible device");
        let context = CudaContext::new(0).map_err(&opening)?;
        // SAFETY: one stream is used, so that nothing needs to be tracked between streams; events would be
        // recorded around each launch, in the middle of what is timed.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream().map_err(&opening)?;
        let attribute = |attribute| context.attribute(attribute).map(i32::unsigned_abs).map_err(&opening);
        Ok(Self {
            uuid: uuid(context.uuid().map_err(&opening)?.bytes.map(|c| c.to_ne_bytes()[0])),
            bus: bus(
                attribute(Attribute::CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID)?,
                attribute(Attribute::CU_DEVICE_ATTRIBUTE_PCI_BUS_ID)?,
                attribute(Attribute::CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID)?,
            ),
            capability: context.compute_capability().map_err(&opening)?,
            multiprocessors: attribute(Attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?,
            resident_threads: attribute(Attribute::CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR)?,
            l2: attribute(Attribute::CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE)? as usize,
            context,
            stream,
            modules: Mutex::default(),
        })
    }

    /// The kernel `name` of `source` with the macros `defines`, compiled once a process.
    ///
    /// # Errors
    /// [`GpuError`] if it cannot be compiled or loaded.
    pub(crate) fn kernel(
        &self,
        source: Source,
        defines: &[String],
        name: &str,
    ) -> Result<CudaFunction, GpuError> {
        let mut modules = self.modules.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (source, defines.to_vec());
        let module = match modules.get(&key) {
            Some(module) => module.clone(),
            None => {
                let ptx = source.compile(self.capability, defines)?;
                let module = self.context.load_module(ptx).map_err(GpuError::driver("loading a kernel"))?;
                modules.entry(key).or_insert(module).clone()
            }
        };
        module.load_function(name).map_err(GpuError::driver("finding a kernel"))
    }

    /// Blocks of `threads` for a grid-stride loop over `items`: as many as are resident at once, at most.
    pub(crate) fn grid(&self, items: usize, threads: u32) -> LaunchConfig {
        let resident = self.multiprocessors * (self.resident_threads / threads).max(1);
        let wanted = u32::try_from(items.div_ceil(threads as usize)).unwrap_or(u32::MAX);
        blocks(wanted.min(resident) as usize, threads)
    }
}

/// `count` blocks of `threads`, or as many as a grid may have; the kernel must then take several turns.
pub(crate) fn blocks(count: usize, threads: u32) -> LaunchConfig {
    let most = i32::MAX.unsigned_abs();
    LaunchConfig {
        grid_dim: (u32::try_from(count).unwrap_or(most).clamp(1, most), 1, 1),
        block_dim: (threads, 1, 1),
        shared_mem_bytes: 0,
    }
}

/// How many devices this process sees.
///
/// # Errors
/// Why that is not known.
pub(crate) fn visible() -> Result<usize, String> {
    Library::Driver.require().map_err(|error| error.to_string())?;
    let count = CudaContext::device_count().map_err(GpuError::driver("counting the devices"));
    Ok(usize::try_from(count.map_err(|error| error.to_string())?).unwrap_or_default())
}

/// A place on the PCI bus, as NVML writes it.
fn bus(domain: u32, bus: u32, device: u32) -> String {
    format!("{domain:08X}:{bus:02X}:{device:02X}.0")
}

/// `GPU-8-4-4-4-12`.
fn uuid(bytes: [u8; 16]) -> String {
    let mut text = String::from("GPU-");
    for (i, byte) in bytes.iter().enumerate() {
        let dash = if matches!(i, 4 | 6 | 8 | 10) { "-" } else { "" };
        // Writing to a String cannot fail.
        let _ = write!(text, "{dash}{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `nvidia-smi -q` writes it.
    #[test]
    fn places_on_the_bus() {
        assert_eq!(bus(0, 0x3b, 0), "00000000:3B:00.0");
    }

    /// As `nvidia-smi -L` writes it.
    #[test]
    fn uuids() {
        let bytes = std::array::from_fn(|i| u8::try_from(17 * i).expect("a byte"));
        assert_eq!(uuid(bytes), "GPU-00112233-4455-6677-8899-aabbccddeeff");
    }
}
