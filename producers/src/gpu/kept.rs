//! What a session keeps of the devices that it sees, and of the libraries that it would load.

use super::{
    error::GpuError,
    facts::Devices,
    library::Library,
    nvml,
    places::{self, Places},
    visible::visible,
};
use std::sync::OnceLock;

/// The devices of this machine, read once a process.
///
/// # Errors
/// Why there are none, with the way out.
pub fn devices() -> Result<&'static Devices, String> {
    static DEVICES: OnceLock<Result<Devices, GpuError>> = OnceLock::new();
    DEVICES.get_or_init(nvml::read).as_ref().map_err(ToString::to_string)
}

/// Facts of the devices that this process sees, and the versions of the libraries that it would load: from their
/// names, as loading them takes long. Nothing where there is no driver.
pub(crate) fn environment() -> Vec<(String, Option<String>)> {
    let Ok(devices) = devices() else { return Vec::new() };
    let variable = |name| std::env::var(name).ok();
    let (wanted, order) = (variable("CUDA_VISIBLE_DEVICES"), variable("CUDA_DEVICE_ORDER"));
    let seen = visible(wanted.as_deref(), order.as_deref(), &devices.devices);
    let mut facts = devices.environment(seen.as_deref());
    let places = Places::of_machine();
    facts.extend(Library::ALL.into_iter().filter_map(|library| {
        let key = library.key()?;
        Some((key.to_owned(), places.find(library.stem()).and_then(|found| places::version(&found.file))))
    }));
    facts
}
