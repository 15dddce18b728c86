//! Which devices a process sees, from what the driver lists and what the environment says.

use super::facts::DeviceFacts;

/// The indices of the devices that a process sees, in the order in which CUDA numbers them, as
/// `CUDA_VISIBLE_DEVICES` and `CUDA_DEVICE_ORDER` say (CUDA C++ Programming Guide, "CUDA Environment Variables"):
/// all without the former, and of it what stands before the first entry that names no device.
///
/// CUDA numbers the fastest device first, unless it is told `PCI_BUS_ID`: that order is the driver's secret. It
/// is the bus's where all devices are alike; `None` where it is not known.
pub(crate) fn visible(
    variable: Option<&str>,
    order: Option<&str>,
    devices: &[DeviceFacts],
) -> Option<Vec<usize>> {
    let alike = devices.windows(2).all(|pair| pair[0].name == pair[1].name);
    let sliced = devices.iter().any(|device| device.mig == Some(true));
    let numbered = (alike || order == Some("PCI_BUS_ID")) && !sliced;
    let Some(variable) = variable else { return numbered.then(|| (0..devices.len()).collect()) };
    let mut found = Vec::new();
    for entry in variable.split(',').map(str::trim) {
        let index = match entry.parse::<usize>() {
            Ok(_) if !numbered => return None,
            Ok(index) => Some(index).filter(|index| *index < devices.len()),
            Err(_) => named(entry, devices),
        };
        match index {
            Some(index) => found.push(index),
            None => break,
        }
    }
    Some(found)
}

/// The one device whose UUID, or that of a slice of it, begins with `entry`.
fn named(entry: &str, devices: &[DeviceFacts]) -> Option<usize> {
    if !(entry.starts_with("GPU-") || entry.starts_with("MIG-")) {
        return None;
    }
    let mut fits = devices.iter().enumerate().filter(|(_, device)| {
        device.uuid.starts_with(entry) || device.slices.iter().any(|slice| slice.starts_with(entry))
    });
    let (index, _) = fits.next()?;
    fits.next().is_none().then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(uuid: &str, name: &str) -> DeviceFacts {
        DeviceFacts { uuid: uuid.into(), name: name.into(), ..DeviceFacts::default() }
    }

    /// All, some by number, some by the beginning of their names; none after an entry that names none.
    #[test]
    fn as_cuda_numbers_them() {
        let devices = ["GPU-aa", "GPU-ab", "GPU-b0"].map(|uuid| device(uuid, "NVIDIA H200"));
        let seen = |variable| visible(variable, None, &devices).expect("an order");
        assert_eq!(seen(None), [0, 1, 2]);
        assert_eq!(seen(Some("2, 0")), [2, 0]);
        assert_eq!(seen(Some("GPU-b,GPU-ab")), [2, 1]);
        assert_eq!(seen(Some("1,-1,0")), [1]);
        assert_eq!(seen(Some("1,7,0")), [1]);
        assert_eq!(seen(Some("GPU-a")), [0_usize; 0], "two begin so");
        assert_eq!(seen(Some("")), [0_usize; 0]);
    }

    /// Devices that differ have no numbers unless the bus gives them; names are names anywhere.
    #[test]
    fn an_order_is_not_guessed() {
        let devices = [device("GPU-a", "NVIDIA T4"), device("GPU-b", "NVIDIA H200")];
        assert_eq!(visible(None, None, &devices), None);
        assert_eq!(visible(Some("1"), None, &devices), None);
        assert_eq!(visible(Some("1"), Some("PCI_BUS_ID"), &devices), Some(vec![1]));
        assert_eq!(visible(Some("GPU-b"), None, &devices), Some(vec![1]));
        let slices = vec!["MIG-1".into(), "MIG-2".into()];
        let sliced = [DeviceFacts { mig: Some(true), slices, ..device("GPU-a", "NVIDIA H200") }];
        assert_eq!(visible(None, None, &sliced), None, "it sees a slice, and no other");
        assert_eq!(visible(Some("MIG-2"), None, &sliced), Some(vec![0]));
    }
}
