//! How fit the devices of a machine are for measuring, and what keeps benchmarks from running on them.

use super::{
    facts::{DeviceFacts, Devices, Pcie},
    kept::devices,
    library::Library,
    places::{self, Places, numbers},
    topology::path,
};
use crate::environment::read_text;
use std::{collections::BTreeMap, fs, path::Path};

/// One thing that is known of a machine's devices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What was found.
    pub found: String,
    /// Whether it is as measuring wants it; `None` where that depends on what is measured.
    pub fit: Option<bool>,
    /// What to do; empty where there is nothing to do.
    pub advice: String,
}

impl Condition {
    fn good(found: impl Into<String>) -> Self {
        Self { found: found.into(), fit: Some(true), advice: String::new() }
    }

    fn note(found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { found: found.into(), fit: None, advice: advice.into() }
    }

    fn bad(found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { found: found.into(), fit: Some(false), advice: advice.into() }
    }
}

/// The conditions of this machine's devices, or that there are none.
#[must_use]
pub fn conditions() -> Vec<Condition> {
    match devices() {
        Err(why) => vec![none(&why, has_card(Path::new("/")))],
        Ok(devices) => {
            let places = Places::of_machine();
            let version = |library: Library| {
                let found = places.find(library.stem())?;
                Some(places::version(&found.file).unwrap_or_default())
            };
            let libraries = Library::ALL.into_iter().map(|library| (library, version(library)));
            of(devices, &libraries.collect::<Vec<_>>())
        }
    }
}

/// Those of `devices`, with the versions of the libraries that are there.
fn of(devices: &Devices, libraries: &[(Library, Option<String>)]) -> Vec<Condition> {
    let mut found = vec![driver(devices)];
    for (index, device) in devices.devices.iter().enumerate() {
        found.push(Condition::good(format!("{index}: {}", summary(device))));
        found.extend(state(index, device).into_iter().chain(settings(index, device)).flatten());
    }
    found.extend(ways(devices));
    if !devices.devices.is_empty() {
        // NVML sets a lock, and does not tell of it.
        found.push(Condition::note(
            "whether clocks are locked is not visible",
            "`nvidia-smi -lgc MHZ` (as root) locks them below what heat and power allow: steadier, and slower",
        ));
    }
    found.extend(libraries.iter().filter_map(|(library, version)| self::library(*library, version, devices)));
    found
}

/// Without a driver.
fn none(why: &str, has_card: bool) -> Condition {
    if has_card {
        return Condition::bad(format!("an NVIDIA device is there, but {why}"), Library::Driver.way_out());
    }
    Condition::note(why, "benchmarks of devices say `skipped` here")
}

/// Whether the bus has a display or compute device of NVIDIA, driver or not.
fn has_card(root: &Path) -> bool {
    let devices = fs::read_dir(root.join("sys/bus/pci/devices")).into_iter().flatten().filter_map(Result::ok);
    let has = |device: &Path, file: &str, value: &str| {
        read_text(&device.join(file)).is_some_and(|text| text.starts_with(value))
    };
    devices
        .map(|device| device.path())
        .any(|device| has(&device, "vendor", "0x10de") && has(&device, "class", "0x03"))
}

fn driver(devices: &Devices) -> Condition {
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "of unknown version".into());
    let (driver, cuda) = (known(&devices.driver), known(&devices.cuda));
    let count = devices.devices.len();
    let found = format!("{count} NVIDIA devices, driver {driver}, CUDA {cuda}");
    match count {
        0 => Condition::note(found, "benchmarks of devices say `skipped` here"),
        _ => Condition::good(found),
    }
}

/// What a device is.
#[expect(clippy::cast_precision_loss, reason = "for people")]
fn summary(device: &DeviceFacts) -> String {
    let Pcie { generation_max, width, .. } = device.pcie;
    let links = device.active_links().count();
    let parts = [
        Some(device.name.clone()),
        device.capability.as_ref().map(|capability| format!("compute capability {capability}")),
        device.memory.map(|bytes| format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))),
        device.sm_clock.max.map(|hertz| format!("up to {} MHz", hertz / 1_000_000)),
        device.power_limit.map(|watts| format!("{watts:.0} W")),
        device.ecc.map(|on| format!("ECC {}", if on { "on" } else { "off" })),
        generation_max.zip(width).map(|(generation, width)| format!("PCIe {generation} x{width}")),
        (links > 0).then(|| format!("{links} NVLinks")),
        device.temperature.map(|kelvin| format!("{:.0} °C", kelvin - 273.15)),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// What is the matter with a device now.
fn state(index: usize, device: &DeviceFacts) -> [Option<Condition>; 4] {
    let errors = device.ecc_errors;
    let (corrected, uncorrected) = (errors.corrected.unwrap_or(0), errors.uncorrected.unwrap_or(0));
    let counted = format!(
        "{index}: memory errors since the driver was loaded: {corrected} corrected, {uncorrected} not"
    );
    let see = "see `nvidia-smi -q -d ECC,ROW_REMAPPER`";
    let ecc = match (corrected, uncorrected) {
        (0, 0) => None,
        (_, 0) => Some(Condition::note(counted, see)),
        _ => Some(Condition::bad(counted, format!("what it computes may fail: {see}, and have it replaced"))),
    };
    let processes: Vec<String> = device.processes.iter().map(ToString::to_string).collect();
    let busy = (!processes.is_empty()).then(|| {
        Condition::bad(
            format!("{index}: in use by process {}", processes.join(", ")),
            "end it, or measure on another device (CUDA_VISIBLE_DEVICES); series are flagged `noisy`",
        )
    });
    let reasons: Vec<&str> = device.slowdowns.iter().map(|slowdown| slowdown.text()).collect();
    let slow = (!reasons.is_empty()).then(|| {
        Condition::bad(
            format!("{index}: slower than its clocks allow: {}", reasons.join(", ")),
            "see to cooling and power; series are flagged `throttled`",
        )
    });
    let prohibited = (device.compute_mode.as_deref() == Some("prohibited")).then(|| {
        Condition::bad(
            format!("{index}: nobody may compute on it"),
            format!("`nvidia-smi -i {index} -c 0` (as root)"),
        )
    });
    [ecc, busy, slow, prohibited]
}

/// What a device is set to.
fn settings(index: usize, device: &DeviceFacts) -> [Option<Condition>; 5] {
    let slices = device.slices.len();
    let mig = (device.mig == Some(true)).then(|| {
        Condition::note(
            format!("{index}: MIG is on, {slices} slices"),
            format!("a process sees one slice, and measures that; `nvidia-smi -i {index} -mig 0` (as root) gives it the device"),
        )
    });
    let persistence = (device.persistence == Some(false)).then(|| {
        Condition::bad(
            format!("{index}: persistence is off: the driver starts with every session"),
            "`nvidia-smi -pm 1` (as root), or start nvidia-persistenced",
        )
    });
    let Pcie { width, width_max, .. } = device.pcie;
    let narrow = width.zip(width_max).filter(|(width, most)| width < most).map(|(width, most)| {
        Condition::bad(
            format!("{index}: PCIe with {width} of {most} lanes: copies take longer"),
            "put the card into its slot anew, or ask the system's maker about lanes that slots share",
        )
    });
    let limits = device.power_limit.zip(device.power_limit_default);
    let limited = limits.filter(|(limit, usual)| limit < usual).map(|(limit, usual)| {
        Condition::bad(
            format!("{index}: limited to {limit:.0} W of {usual:.0} W"),
            format!("`nvidia-smi -i {index} -pl {usual:.0}` (as root), unless it is meant"),
        )
    });
    let clocks = device.sm_clock.application.zip(device.sm_clock.max);
    let slower = clocks.filter(|(application, most)| application < most).map(|(application, most)| {
        let [application, most] = [application, most].map(|hertz| hertz / 1_000_000);
        Condition::note(
            format!("{index}: applications run at {application} of {most} MHz"),
            format!("`nvidia-smi -i {index} -rac` (as root) puts that back, unless it is meant"),
        )
    });
    [mig, persistence, narrow, limited, slower]
}

/// How the devices are joined.
fn ways(devices: &Devices) -> Vec<Condition> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for pair in &devices.pairs {
        let way = path(devices, pair.first, pair.second).unwrap_or_else(|| "unknown".into());
        *counts.entry(way).or_default() += 1;
    }
    let ways: Vec<String> = counts.iter().map(|(way, pairs)| format!("{way} for {pairs}")).collect();
    let joined = (!ways.is_empty()).then(|| {
        Condition::good(format!("pairs of devices, as in `nvidia-smi topo -m`: {}", ways.join(", ")))
    });
    let closed = devices.pairs.iter().filter(|pair| pair.peer == Some(false)).count();
    let closed = (closed > 0).then(|| {
        Condition::note(
            format!("{closed} pairs of devices cannot read each other's memory"),
            "copies between them go through the host; see `nvidia-smi topo -p2p r`",
        )
    });
    joined.into_iter().chain(closed).collect()
}

/// Whether a library is there, and not too new for the driver.
fn library(library: Library, version: &Option<String>, devices: &Devices) -> Option<Condition> {
    let stem = library.stem();
    if library == Library::Driver && version.is_some() {
        return None;
    }
    let Some(version) = version else {
        let found = format!("lib{stem} is not found: {} are skipped", library.allows());
        return Some(Condition::note(found, library.way_out()));
    };
    let cuda = devices.cuda.as_deref().map(numbers);
    // What the compiler of a newer CUDA writes is not understood; of the others, the major version counts. Some
    // count their versions by themselves.
    let too_new = cuda.zip(precision(library)).is_some_and(|(cuda, precision)| {
        let version = numbers(version);
        version.iter().take(precision).gt(cuda.iter().take(precision))
    });
    if too_new {
        let cuda = devices.cuda.as_deref().unwrap_or_default();
        return Some(Condition::bad(
            format!("lib{stem} {version} is newer than the driver, which runs CUDA {cuda}"),
            format!("update the driver, or install lib{stem} for CUDA {cuda}"),
        ));
    }
    Some(Condition::good(format!("lib{stem} {version}")))
}

/// How many numbers of a library's version are CUDA's, and have to be as old as the driver's.
const fn precision(library: Library) -> Option<usize> {
    match library {
        Library::Nvrtc => Some(2),
        Library::Cublas | Library::CublasLt => Some(1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::facts::tests::two;

    fn lines(conditions: &[Condition]) -> Vec<String> {
        let mark = |fit: Option<bool>| fit.map_or("note", |fit| if fit { "ok" } else { "warning" });
        conditions.iter().map(|condition| format!("{} {}", mark(condition.fit), condition.found)).collect()
    }

    /// A node of two devices, the second of which has all that can be wrong: each thing is told, with what to do.
    #[test]
    fn two_devices() {
        let there = |library| (library, Some("12.8.61".to_owned()));
        let libraries = [there(Library::Driver), there(Library::Nvrtc), (Library::Nccl, None)];
        let found = of(&two(), &libraries);
        let expected = [
            "ok 2 NVIDIA devices, driver 570.86.15, CUDA 12.8",
            "ok 0: NVIDIA H200, compute capability 9.0, 140.4 GiB, up to 1980 MHz, 700 W, ECC on, PCIe 5 x16, 2 NVLinks, 31 °C",
            "ok 1: NVIDIA H200, compute capability 9.0, 140.4 GiB, up to 1980 MHz, 600 W, ECC on, PCIe 5 x8, 2 NVLinks, 90 °C",
            "warning 1: memory errors since the driver was loaded: 12 corrected, 1 not",
            "warning 1: in use by process 31337",
            "warning 1: slower than its clocks allow: hot",
            "warning 1: persistence is off: the driver starts with every session",
            "warning 1: PCIe with 8 of 16 lanes: copies take longer",
            "warning 1: limited to 600 W of 700 W",
            "ok pairs of devices, as in `nvidia-smi topo -m`: NV2 for 1",
            "note whether clocks are locked is not visible",
            "ok libnvrtc 12.8.61",
            "note libnccl is not found: collectives between devices are skipped",
        ];
        assert_eq!(lines(&found), expected);
        let without_advice =
            found.iter().filter(|condition| condition.fit != Some(true) && condition.advice.is_empty());
        assert_eq!(without_advice.count(), 0);
    }

    /// A library for a newer CUDA than the driver's would fail in the middle: it is said before.
    #[test]
    fn a_library_that_is_too_new() {
        let found = library(Library::Cublas, &Some("13.0.0.19".into()), &two()).expect("a condition");
        assert_eq!(found.found, "libcublas 13.0.0.19 is newer than the driver, which runs CUDA 12.8");
        let newer = |library, version: &str| self::library(library, &Some(version.into()), &two());
        let fit = |library, version| newer(library, version).and_then(|condition| condition.fit);
        assert_eq!(fit(Library::Cublas, "12.9.1"), Some(true), "of the same major version");
        assert_eq!(fit(Library::Nvrtc, "12.8.93"), Some(true));
        assert_eq!(fit(Library::Nvrtc, "12.9.86"), Some(false), "its PTX would be refused");
        let cufft = library(Library::Cufft, &Some("13.1".into()), &two()).expect("a condition");
        assert_eq!(cufft.fit, Some(true), "its versions are not CUDA's");
    }

    /// A machine without a device has nothing to mend; one with a device and no driver has.
    #[test]
    fn no_device() {
        let root = tempfile::tempdir().expect("a folder");
        let write = |file: &str, text: &str| {
            let device = root.path().join("sys/bus/pci/devices/0000:3b:00.0");
            fs::create_dir_all(&device).expect("a folder");
            fs::write(device.join(file), text).expect("a file");
        };
        assert!(!has_card(root.path()));
        write("vendor", "0x10de\n");
        write("class", "0x040300\n");
        assert!(!has_card(root.path()), "the sound of a graphics card");
        write("class", "0x030200\n");
        assert!(has_card(root.path()));
        let why = "no NVIDIA driver: libnvidia-ml.so.1 is not found";
        assert_eq!(lines(&[none(why, false)]), [format!("note {why}")]);
        assert_eq!(none(why, true).fit, Some(false));
        assert_eq!(
            lines(&of(&Devices::default(), &[]))[0],
            "note 0 NVIDIA devices, driver of unknown version, CUDA of unknown version"
        );
    }
}
