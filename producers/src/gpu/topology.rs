//! The way from one device to another.

use super::facts::{Devices, LinkEnd};
use serde::{Deserialize, Serialize};

/// What joins the PCI buses of two devices, from near to far (NVML, `nvmlGpuTopologyLevel_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ancestor {
    /// One board.
    Board,
    /// One switch.
    Switch,
    /// Several switches.
    Switches,
    /// A host bridge.
    HostBridge,
    /// Several host bridges of one NUMA node.
    Node,
    /// The link between NUMA nodes.
    System,
}

/// The way between the devices `one` and `other`, as the matrix of `nvidia-smi topo -m` writes it: `NV18` for 18
/// links of `NVLink`, else what joins their buses (`PSB`, `PIX`, `PXB`, `PHB`, `NODE`, `SYS`). `None` where the
/// driver does not say.
///
/// Links that go to each other count, and links of both that go to switches: a switch joins all that is
/// connected to it.
pub(crate) fn path(devices: &Devices, one: usize, other: usize) -> Option<String> {
    match links(devices, one, other) {
        0 => devices.pair(one, other)?.ancestor.map(|ancestor| code(ancestor).to_owned()),
        links => Some(format!("NV{links}")),
    }
}

fn links(devices: &Devices, one: usize, other: usize) -> usize {
    let (Some(one), Some(other)) = (devices.devices.get(one), devices.devices.get(other)) else { return 0 };
    let direct = one.active_links().filter(|link| match (&link.bus, &other.bus) {
        (Some(bus), Some(of_other)) => bus.eq_ignore_ascii_case(of_other),
        _ => false,
    });
    let direct = direct.count();
    if direct > 0 {
        return direct;
    }
    let [one, other] = [one, other]
        .map(|device| device.active_links().filter(|link| link.to == Some(LinkEnd::Switch)).count());
    one.min(other)
}

const fn code(ancestor: Ancestor) -> &'static str {
    match ancestor {
        Ancestor::Board => "PSB",
        Ancestor::Switch => "PIX",
        Ancestor::Switches => "PXB",
        Ancestor::HostBridge => "PHB",
        Ancestor::Node => "NODE",
        Ancestor::System => "SYS",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::facts::{DeviceFacts, Link, Pair};

    fn device(bus: &str, links: &[(bool, Option<LinkEnd>, &str)]) -> DeviceFacts {
        let link = |(active, to, bus): &(bool, Option<LinkEnd>, &str)| Link {
            active: *active,
            version: None,
            to: *to,
            bus: Some((*bus).to_owned()),
        };
        DeviceFacts { bus: Some(bus.into()), links: links.iter().map(link).collect(), ..Default::default() }
    }

    fn joined(first: DeviceFacts, second: DeviceFacts) -> String {
        let pair = Pair { first: 0, second: 1, ancestor: Some(Ancestor::Node), peer: None };
        let devices = Devices { devices: vec![first, second], pairs: vec![pair], ..Devices::default() };
        assert_eq!(path(&devices, 0, 1), path(&devices, 1, 0));
        path(&devices, 0, 1).expect("a way")
    }

    /// Links count where they are up and lead to the other device, or to a switch from both.
    #[test]
    fn links_come_before_the_bus() {
        let (gpu, switch) = (Some(LinkEnd::Gpu), Some(LinkEnd::Switch));
        let direct = |bus, to| device(bus, &[(true, gpu, to), (true, gpu, to), (false, gpu, to)]);
        assert_eq!(joined(direct("0:3B:00.0", "0:5e:00.0"), direct("0:5E:00.0", "0:3b:00.0")), "NV2");
        let switched = |bus| device(bus, &[(true, switch, "0:01:00.0"), (true, switch, "0:02:00.0")]);
        assert_eq!(joined(switched("0:3B:00.0"), switched("0:5E:00.0")), "NV2");
        // Where the other end is not known, or another device, the bus is the way.
        let elsewhere = |bus| device(bus, &[(true, None, "0:01:00.0"), (true, gpu, "0:99:00.0")]);
        assert_eq!(joined(elsewhere("0:3B:00.0"), elsewhere("0:5E:00.0")), "NODE");
        assert_eq!(path(&Devices::default(), 0, 1), None);
    }
}
