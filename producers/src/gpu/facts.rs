//! What the driver says of the devices of a machine, as plain values in SI units: read from NVML, or from a
//! recording. What a device or a driver does not tell is `None`, never guessed.

use super::topology::{Ancestor, path};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The devices of a machine, in the order of the bus, as `nvidia-smi` numbers them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Devices {
    /// Version of the driver, such as `570.86.15`.
    pub driver: Option<String>,
    /// The newest CUDA that the driver can run, such as `12.8`.
    pub cuda: Option<String>,
    /// Each device.
    pub devices: Vec<DeviceFacts>,
    /// Each two of them, the lower index first.
    pub pairs: Vec<Pair>,
}

/// What is known of one device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeviceFacts {
    /// `GPU-…`, the same on every driver and in every slot.
    pub uuid: String,
    /// The product, such as `NVIDIA H200`.
    pub name: String,
    /// Its place on the PCI bus, such as `00000000:3B:00.0`.
    pub bus: Option<String>,
    /// The generation, such as `Hopper`.
    pub architecture: Option<String>,
    /// Compute capability, such as `9.0`.
    pub capability: Option<String>,
    /// Memory in bytes.
    pub memory: Option<u64>,
    /// Clock of the multiprocessors.
    pub sm_clock: Clock,
    /// Clock of the memory.
    pub memory_clock: Clock,
    /// Whether errors of the memory are corrected.
    pub ecc: Option<bool>,
    /// Errors since the driver was loaded.
    pub ecc_errors: EccErrors,
    /// Whether it is cut into slices.
    pub mig: Option<bool>,
    /// Its slices, `MIG-…`.
    pub slices: Vec<String>,
    /// The limit that it keeps now, in watts.
    pub power_limit: Option<f64>,
    /// The limit that it starts with, in watts.
    pub power_limit_default: Option<f64>,
    /// Temperature in kelvin.
    pub temperature: Option<f64>,
    /// The link to the host.
    pub pcie: Pcie,
    /// The links to other devices, active or not.
    pub links: Vec<Link>,
    /// Whether the driver stays loaded while nobody uses the device.
    pub persistence: Option<bool>,
    /// Who may use it: `default`, `exclusive_process`, `prohibited`.
    pub compute_mode: Option<String>,
    /// Processes that hold it for computing, by the ids that the driver knows.
    pub processes: Vec<u32>,
    /// What slows it down now.
    pub slowdowns: BTreeSet<Slowdown>,
}

/// A clock, in hertz.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Clock {
    /// Now.
    pub now: Option<u64>,
    /// At most.
    pub max: Option<u64>,
    /// What applications run at, where heat and power allow it.
    pub application: Option<u64>,
}

/// Errors of a device's memories.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EccErrors {
    /// Single-bit errors, which harm nothing.
    pub corrected: Option<u64>,
    /// Double-bit errors, which end the process that meets them.
    pub uncorrected: Option<u64>,
}

/// A link of PCI Express.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pcie {
    /// Generation now, which is lower while the device is idle.
    pub generation: Option<u32>,
    /// The highest generation of this device in this slot.
    pub generation_max: Option<u32>,
    /// Lanes now.
    pub width: Option<u32>,
    /// The most lanes of this device in this slot.
    pub width_max: Option<u32>,
}

/// A link of `NVLink`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Link {
    /// Whether it is up.
    pub active: bool,
    /// Version, such as `4.0`.
    pub version: Option<String>,
    /// What is at its other end.
    pub to: Option<LinkEnd>,
    /// The place on the PCI bus of what is at its other end.
    pub bus: Option<String>,
}

/// What is at the other end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkEnd {
    /// Another device.
    Gpu,
    /// A switch that joins all devices.
    Switch,
    /// The processor.
    Processor,
}

/// Why a device runs slower than its clocks allow. That it is idle, or that its clocks were set, is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Slowdown {
    /// It reached its power limit.
    Power,
    /// It, or its memory, is too hot: the driver lowers its clocks.
    Heat,
    /// It is far too hot: the hardware halves its clocks, or more.
    HardwareHeat,
    /// The power supply asks for it: the hardware halves its clocks, or more.
    PowerBrake,
    /// The hardware halves its clocks, or more, and does not say why.
    Hardware,
    /// Another device of its group is slow.
    SyncBoost,
}

impl Slowdown {
    /// The reason, for people.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Power => "at its power limit",
            Self::Heat => "hot",
            Self::HardwareHeat => "far too hot",
            Self::PowerBrake => "braked by the power supply",
            Self::Hardware => "slowed down by the hardware",
            Self::SyncBoost => "held back by another device of its group",
        }
    }
}

/// Two devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The lower index.
    pub first: usize,
    /// The higher index.
    pub second: usize,
    /// What joins their PCI buses.
    #[serde(default)]
    pub ancestor: Option<Ancestor>,
    /// Whether one can read the other's memory.
    #[serde(default)]
    pub peer: Option<bool>,
}

impl Devices {
    /// What a session keeps of the devices `visible`, in their order: what changes by itself, such as a
    /// temperature, is left out, and so is what tells two devices of one kind apart, but for `gpu.devices`.
    pub(crate) fn environment(&self, visible: Option<&[usize]>) -> Vec<(String, Option<String>)> {
        let mut found = vec![
            ("gpu.count".to_owned(), Some(self.devices.len().to_string())),
            ("gpu.driver".to_owned(), self.driver.clone()),
            ("cuda.driver".to_owned(), self.cuda.clone()),
        ];
        let Some(visible) = visible else { return found };
        let shown: Vec<&DeviceFacts> = visible.iter().filter_map(|index| self.devices.get(*index)).collect();
        let uuids: Vec<&str> = shown.iter().map(|device| device.uuid.as_str()).collect();
        found.push(("gpu.devices".to_owned(), Some(uuids.join(" "))));
        for (place, device) in shown.iter().enumerate() {
            found.extend(
                device.lasting().into_iter().map(|(key, value)| (format!("gpu.{place}.{key}"), value)),
            );
        }
        for (second, j) in visible.iter().enumerate() {
            for (first, i) in visible[..second].iter().enumerate() {
                let (pair, key) = (self.pair(*i, *j), format!("{first}.{second}"));
                found.push((format!("gpu.topology.{key}"), path(self, *i, *j)));
                found.push((format!("gpu.peer.{key}"), pair.and_then(|pair| pair.peer).map(on_off)));
            }
        }
        found
    }

    /// What is known of two devices.
    pub(crate) fn pair(&self, one: usize, other: usize) -> Option<&Pair> {
        let (first, second) = (one.min(other), one.max(other));
        self.pairs.iter().find(|pair| (pair.first, pair.second) == (first, second))
    }
}

impl DeviceFacts {
    /// What stays as it is, by key.
    fn lasting(&self) -> [(&'static str, Option<String>); 15] {
        let text = |number: Option<u64>| number.map(|number| number.to_string());
        let watts = |power: Option<f64>| power.map(|power| power.to_string());
        let Pcie { generation_max, width, .. } = self.pcie;
        let version = self.active_links().find_map(|link| link.version.clone());
        let links = self.active_links().count();
        [
            ("name", Some(self.name.clone())),
            ("architecture", self.architecture.clone()),
            ("capability", self.capability.clone()),
            ("memory", text(self.memory)),
            ("clock.sm.max", text(self.sm_clock.max)),
            ("clock.sm.application", text(self.sm_clock.application)),
            ("clock.memory.max", text(self.memory_clock.max)),
            ("ecc", self.ecc.map(on_off)),
            ("mig", self.mig.map(on_off)),
            ("power.limit", watts(self.power_limit)),
            // The generation now is that of an idle device.
            ("pcie", generation_max.zip(width).map(|(generation, width)| format!("{generation} x{width}"))),
            ("nvlink", (!self.links.is_empty()).then(|| links.to_string())),
            ("nvlink.version", version),
            ("persistence", self.persistence.map(on_off)),
            ("compute_mode", self.compute_mode.clone()),
        ]
    }

    /// The links that are up.
    pub(crate) fn active_links(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| link.active)
    }
}

fn on_off(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A node with two devices, written by hand as NVML would answer: no device was there.
    pub(crate) fn two() -> Devices {
        serde_json::from_str(include_str!("../../tests/devices/two.json")).expect("a recording")
    }

    /// A session keeps what lasts, in SI units, in the order in which it sees the devices.
    #[test]
    fn what_a_session_keeps() {
        let found: Vec<String> = two()
            .environment(Some(&[1, 0]))
            .into_iter()
            .filter_map(|(key, value)| value.map(|value| format!("{key} {value}")))
            .collect();
        let expected = [
            "gpu.count 2",
            "gpu.driver 570.86.15",
            "cuda.driver 12.8",
            "gpu.devices GPU-b1e0a6f2-0c51-4d4c-8b0e-6a1f5f2b9c02 GPU-8d3c2f7e-5a14-4f0b-9a67-1c2d3e4f5a01",
            "gpu.0.name NVIDIA H200",
            "gpu.0.architecture Hopper",
            "gpu.0.capability 9.0",
            "gpu.0.memory 150754820096",
            "gpu.0.clock.sm.max 1980000000",
            "gpu.0.clock.sm.application 1980000000",
            "gpu.0.clock.memory.max 3201000000",
            "gpu.0.ecc on",
            "gpu.0.mig off",
            "gpu.0.power.limit 600",
            "gpu.0.pcie 5 x8",
            "gpu.0.nvlink 2",
            "gpu.0.nvlink.version 4.0",
            "gpu.0.persistence off",
            "gpu.0.compute_mode default",
        ];
        assert_eq!(found[..expected.len()], expected);
        assert_eq!(found[found.len() - 2..], ["gpu.topology.0.1 NV2", "gpu.peer.0.1 on"]);
    }

    /// A device that tells little has few facts; where it is not known which are visible, none has any.
    #[test]
    fn nothing_is_guessed() {
        let devices = Devices {
            devices: vec![DeviceFacts {
                uuid: "GPU-1".into(),
                name: "NVIDIA T4".into(),
                ..Default::default()
            }],
            ..Devices::default()
        };
        let known = |visible| devices.environment(visible).into_iter().filter(|(_, value)| value.is_some());
        assert_eq!(known(Some(&[0])).count(), 3);
        assert_eq!(known(None).count(), 1);
    }
}
