//! Which devices the ranks of a session get.

/// The devices that `list` names, one a rank, each as `CUDA_VISIBLE_DEVICES` of its process says it: an index, a
/// UUID (`GPU-…`) or a slice (`MIG-…`). `all` are those that `visible` names, the variable as it is now, or else as many as
/// `count` finds.
///
/// ```
/// use benchlake_producers::ranks::devices;
/// assert_eq!(devices("0, 2", None, || Ok(8))?, ["0", "2"]);
/// assert_eq!(devices("all", Some("4,5"), || Ok(8))?, ["4", "5"]);
/// assert_eq!(devices("all", None, || Ok(2))?, ["0", "1"]);
/// # Ok::<(), String>(())
/// ```
///
/// # Errors
/// What is wrong with the list, or why nobody knows which devices there are.
pub fn devices(
    list: &str,
    visible: Option<&str>,
    count: impl FnOnce() -> Result<usize, String>,
) -> Result<Vec<String>, String> {
    let devices: Vec<String> = match (list.trim(), visible) {
        ("all", None) => (0..count()?).map(|index| index.to_string()).collect(),
        ("all", Some(visible)) => split(visible),
        (list, _) => split(list),
    };
    if devices.is_empty() {
        return Err(format!("--devices {list}: no device is visible: see `benchlake doctor`"));
    }
    if let Some(empty) = devices.iter().position(String::is_empty) {
        return Err(format!("--devices {list}: device {} of the list has no name", empty + 1));
    }
    let twice = devices.iter().enumerate().find(|(place, device)| devices[..*place].contains(device));
    match twice {
        Some((_, device)) => Err(format!("--devices {list}: {device} is there twice: one rank a device")),
        None => Ok(devices),
    }
}

fn split(list: &str) -> Vec<String> {
    let list = list.trim();
    if list.is_empty() {
        Vec::new()
    } else {
        list.split(',').map(|device| device.trim().to_owned()).collect()
    }
}

/// How many devices this process may use.
///
/// # Errors
/// Why that is not known: no driver, no support in this build.
#[cfg(feature = "gpu")]
pub fn visible_devices() -> Result<usize, String> {
    crate::gpu::visible()
}

/// How many devices this process may use.
///
/// # Errors
/// This build supports none.
#[cfg(not(feature = "gpu"))]
pub fn visible_devices() -> Result<usize, String> {
    Err("this build does without GPUs".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lists that cannot be meant are refused with what is wrong.
    #[test]
    fn bad_lists() {
        let error = |list: &str, visible: Option<&str>| devices(list, visible, || Ok(0)).expect_err(list);
        assert!(error("0,,1", None).contains("device 2 of the list has no name"));
        assert!(error("0,1,0", None).contains("0 is there twice"));
        for (list, visible) in [("all", None), ("all", Some("")), ("", None)] {
            assert!(error(list, visible).contains("no device is visible"), "{list:?}");
        }
        let unknown = devices("all", None, || Err("no NVIDIA driver".into()));
        assert_eq!(unknown, Err("no NVIDIA driver".into()));
    }
}
