//! What NVML, the library of the driver that `nvidia-smi` asks, says of the devices.
//!
//! It is loaded once a process, where it is found. Its units become SI units here, and what it refuses to say
//! becomes `None`: each device and each driver knows other things.
#![expect(unsafe_code, reason = "one function of NVML that its wrapper reads wrongly")]

use super::{
    error::GpuError,
    facts::{Clock, DeviceFacts, Devices, EccErrors, Link, LinkEnd, Pair, Pcie, Slowdown},
    topology::Ancestor,
};
use nvml_wrapper::{
    Device, Nvml,
    bitmasks::device::ThrottleReasons,
    enum_wrappers::device::{
        Clock as Domain, ComputeMode, EccCounter, MemoryError, P2pCapabilitiesIndex, P2pStatus,
        TemperatureSensor, TopologyLevel,
    },
    enums::device::DeviceArchitecture,
    error::NvmlError,
};
use std::{collections::BTreeSet, sync::OnceLock};

/// Links that a device has at most (`NVML_NVLINK_MAX_LINKS`).
const LINKS: u32 = 18;

/// NVML, once a process.
///
/// # Errors
/// [`GpuError::Missing`] where there is no driver, or none that works.
pub(crate) fn nvml() -> Result<&'static Nvml, GpuError> {
    static NVML: OnceLock<Result<Nvml, GpuError>> = OnceLock::new();
    let nvml = NVML.get_or_init(|| Nvml::init().map_err(|error| GpuError::Missing(why(&error))));
    nvml.as_ref().map_err(Clone::clone)
}

/// Why NVML does not work, with the way out.
fn why(error: &NvmlError) -> String {
    match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => {
            "no NVIDIA driver: libnvidia-ml.so.1 is not found".into()
        }
        NvmlError::DriverNotLoaded => {
            "the NVIDIA driver is installed, but its kernel module is not loaded: `modprobe nvidia`, and see `dmesg`"
                .into()
        }
        NvmlError::LibRmVersionMismatch => {
            "the NVIDIA driver was updated, but its old kernel module is still loaded: restart the machine".into()
        }
        NvmlError::NoPermission | NvmlError::OperatingSystem => format!(
            "the NVIDIA driver refuses ({error}): give this user, or this container, the devices /dev/nvidia*"
        ),
        NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound => {
            format!("the NVIDIA driver is too old ({error}): update it")
        }
        _ => format!("the NVIDIA driver does not work: {error}; see `dmesg`"),
    }
}

/// All that the driver says of all devices. Takes some milliseconds a device, longer where the driver has to
/// start first (persistence off).
///
/// # Errors
/// [`GpuError::Missing`] where there is no driver.
pub(crate) fn read() -> Result<Devices, GpuError> {
    let nvml = nvml()?;
    let count = nvml.device_count().map_err(|error| GpuError::Missing(why(&error)))?;
    let handles: Vec<Option<Device>> = (0..count).map(|index| nvml.device_by_index(index).ok()).collect();
    let devices = handles.iter().map(|handle| handle.as_ref().map_or_else(lost, facts));
    Ok(Devices {
        driver: nvml.sys_driver_version().ok(),
        cuda: nvml.sys_cuda_driver_version().ok().map(|version| {
            let (major, minor) = (version / 1000, version % 1000 / 10);
            format!("{major}.{minor}")
        }),
        devices: devices.collect(),
        pairs: pairs(nvml, &handles),
    })
}

/// A device that does not answer keeps its place.
fn lost() -> DeviceFacts {
    DeviceFacts { name: "a device that does not answer".into(), ..DeviceFacts::default() }
}

fn facts(device: &Device) -> DeviceFacts {
    DeviceFacts {
        uuid: device.uuid().unwrap_or_default(),
        name: device.name().unwrap_or_default(),
        bus: device.pci_info().ok().map(|pci| pci.bus_id),
        architecture: device.architecture().ok().and_then(architecture),
        capability: device
            .cuda_compute_capability()
            .ok()
            .map(|capability| format!("{}.{}", capability.major, capability.minor)),
        memory: device.memory_info().ok().map(|memory| memory.total),
        sm_clock: clock(device, Domain::SM),
        memory_clock: clock(device, Domain::Memory),
        ecc: device.is_ecc_enabled().ok().map(|mode| mode.currently_enabled),
        ecc_errors: ecc_errors(device),
        mig: device.mig_mode().ok().map(|mode| mode.current == 1),
        slices: slices(device),
        power_limit: device.enforced_power_limit().ok().map(milli),
        power_limit_default: device.power_management_limit_default().ok().map(milli),
        temperature: temperature(device),
        pcie: Pcie {
            generation: device.current_pcie_link_gen().ok(),
            generation_max: device.max_pcie_link_gen().ok(),
            width: device.current_pcie_link_width().ok(),
            width_max: device.max_pcie_link_width().ok(),
        },
        links: (0..LINKS).filter_map(|link| self::link(device, link)).collect(),
        persistence: device.is_in_persistent_mode().ok(),
        compute_mode: device.compute_mode().ok().map(|mode| mode_text(mode).to_owned()),
        processes: processes(device),
        slowdowns: slowdowns(device),
    }
}

/// The generation's name; one that is newer than this build has none.
fn architecture(architecture: DeviceArchitecture) -> Option<String> {
    (architecture != DeviceArchitecture::Unknown).then(|| architecture.to_string())
}

/// Thousandths, of watts or joules.
fn milli(number: impl Into<f64>) -> f64 {
    number.into() / 1e3
}

fn clock(device: &Device, domain: Domain) -> Clock {
    let hertz = |megahertz: Result<u32, NvmlError>| megahertz.ok().map(|clock| u64::from(clock) * 1_000_000);
    Clock {
        now: hertz(device.clock_info(domain)),
        max: hertz(device.max_clock_info(domain)),
        application: hertz(device.applications_clock(domain)),
    }
}

/// A clock now, in hertz.
pub(crate) fn hertz(device: &Device, domain: Domain) -> Option<f64> {
    device.clock_info(domain).ok().map(|megahertz| f64::from(megahertz) * 1e6)
}

/// Kelvin.
pub(crate) fn temperature(device: &Device) -> Option<f64> {
    device.temperature(TemperatureSensor::Gpu).ok().map(|celsius| f64::from(celsius) + 273.15)
}

/// Watts.
pub(crate) fn power(device: &Device) -> Option<f64> {
    device.power_usage().ok().map(milli)
}

/// Joules since the driver was loaded; Volta and later.
#[expect(clippy::cast_precision_loss, reason = "2^53 mJ are 285 years at a kilowatt")]
pub(crate) fn energy(device: &Device) -> Option<f64> {
    device.total_energy_consumption().ok().map(|millijoules| millijoules as f64 / 1e3)
}

/// Errors since the driver was loaded.
pub(crate) fn ecc_errors(device: &Device) -> EccErrors {
    let count = |kind| device.total_ecc_errors(kind, EccCounter::Volatile).ok();
    EccErrors { corrected: count(MemoryError::Corrected), uncorrected: count(MemoryError::Uncorrected) }
}

/// Processes that compute on it.
pub(crate) fn processes(device: &Device) -> Vec<u32> {
    let processes = device.running_compute_processes().unwrap_or_default();
    processes.into_iter().map(|process| process.pid).collect()
}

/// What slows it down now.
pub(crate) fn slowdowns(device: &Device) -> BTreeSet<Slowdown> {
    device.current_throttle_reasons().map(reasons).unwrap_or_default()
}

fn reasons(reasons: ThrottleReasons) -> BTreeSet<Slowdown> {
    use ThrottleReasons as R;
    let known = [
        (R::SW_POWER_CAP, Slowdown::Power),
        (R::SW_THERMAL_SLOWDOWN, Slowdown::Heat),
        (R::HW_THERMAL_SLOWDOWN, Slowdown::HardwareHeat),
        (R::HW_POWER_BRAKE_SLOWDOWN, Slowdown::PowerBrake),
        (R::HW_SLOWDOWN, Slowdown::Hardware),
        (R::SYNC_BOOST, Slowdown::SyncBoost),
    ];
    known.into_iter().filter(|(bit, _)| reasons.contains(*bit)).map(|(_, slowdown)| slowdown).collect()
}

fn slices(device: &Device) -> Vec<String> {
    let count = device.mig_device_count().unwrap_or(0);
    (0..count).filter_map(|index| device.mig_device_by_index(index).ok()?.uuid().ok()).collect()
}

const fn mode_text(mode: ComputeMode) -> &'static str {
    match mode {
        ComputeMode::Default => "default",
        ComputeMode::ExclusiveThread => "exclusive_thread",
        ComputeMode::Prohibited => "prohibited",
        ComputeMode::ExclusiveProcess => "exclusive_process",
    }
}

/// The link number `index`; `None` where the device has no such link.
fn link(device: &Device, index: u32) -> Option<Link> {
    let link = device.link_wrapper_for(index);
    let active = link.is_active().ok()?;
    if !active {
        return Some(Link::default());
    }
    Some(Link {
        active,
        version: link.version().ok().and_then(link_version),
        to: link_end(device, index),
        bus: link.remote_pci_info().ok().map(|pci| pci.bus_id),
    })
}

/// `nvmlNvlinkVersion_t`.
fn link_version(code: u32) -> Option<String> {
    let versions = ["1.0", "2.0", "2.2", "3.0", "3.1", "4.0", "5.0"];
    let place = usize::try_from(code).ok()?.checked_sub(1)?;
    versions.get(place).map(|version| (*version).to_owned())
}

/// What is at the other end. The wrapper's own function has NVML write into a value that it throws away.
fn link_end(device: &Device, index: u32) -> Option<LinkEnd> {
    let ask = device.nvml().lib().nvmlDeviceGetNvLinkRemoteDeviceType.as_ref().ok()?;
    let mut kind = 0;
    // SAFETY: the handle is that of a device of this NVML, and `kind` outlives the call.
    let code = unsafe { ask(device.handle(), index, &mut kind) };
    match (code, kind) {
        (0, 0) => Some(LinkEnd::Gpu),
        (0, 1) => Some(LinkEnd::Processor),
        (0, 2) => Some(LinkEnd::Switch),
        _ => None,
    }
}

fn pairs(nvml: &Nvml, handles: &[Option<Device>]) -> Vec<Pair> {
    let mut found = Vec::new();
    for (second, device) in handles.iter().enumerate() {
        for (first, other) in handles[..second].iter().enumerate() {
            let (Some(device), Some(other)) = (device, other) else { continue };
            // The wrapper takes a device's handle away.
            let again = u32::try_from(first).ok().and_then(|index| nvml.device_by_index(index).ok());
            let ancestor = again.and_then(|other| device.topology_common_ancestor(other).ok()).map(ancestor);
            let peer = device.p2p_status(other, P2pCapabilitiesIndex::Read).ok();
            let peer = peer.map(|status| status == P2pStatus::Ok);
            found.push(Pair { first, second, ancestor, peer });
        }
    }
    found
}

const fn ancestor(level: TopologyLevel) -> Ancestor {
    match level {
        TopologyLevel::Internal => Ancestor::Board,
        TopologyLevel::Single => Ancestor::Switch,
        TopologyLevel::Multiple => Ancestor::Switches,
        TopologyLevel::HostBridge => Ancestor::HostBridge,
        TopologyLevel::Node => Ancestor::Node,
        TopologyLevel::System => Ancestor::System,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Idle and set clocks slow nothing down; each other reason has its name.
    #[test]
    fn reasons_are_told_apart() {
        use ThrottleReasons as R;
        assert!(reasons(R::GPU_IDLE | R::APPLICATIONS_CLOCKS_SETTING | R::DISPLAY_CLOCK_SETTING).is_empty());
        let hot = reasons(R::HW_SLOWDOWN | R::HW_THERMAL_SLOWDOWN | R::GPU_IDLE);
        assert_eq!(hot, BTreeSet::from([Slowdown::HardwareHeat, Slowdown::Hardware]));
        assert_eq!(reasons(R::all()).len(), 6);
    }

    /// Hopper's links are of version 4.0, which NVML calls 6.
    #[test]
    fn versions_of_links() {
        assert_eq!(link_version(6).as_deref(), Some("4.0"));
        assert_eq!((link_version(0), link_version(99)), (None, None));
    }

    /// Each way of having no driver names the way out.
    #[test]
    fn no_driver_is_said() {
        assert!(why(&NvmlError::LibraryNotFound).contains("libnvidia-ml.so.1"));
        assert!(why(&NvmlError::DriverNotLoaded).contains("modprobe"));
        assert!(why(&NvmlError::LibRmVersionMismatch).contains("restart"));
        assert!(why(&NvmlError::Unknown).contains("dmesg"));
    }
}
