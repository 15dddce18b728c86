//! What the kernel's refusal of a counter means, and what to set.

use std::io;

/// What decides how a refusal is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Whether this is a virtual machine to which no performance monitoring unit was passed.
    pub(super) no_unit: bool,
    /// `kernel.perf_event_paranoid`.
    pub(super) paranoid: Option<i64>,
    /// Whether the event happens in the kernel, which takes more permission to see.
    pub(super) in_kernel: bool,
}

/// Why a counter cannot be had, and the way out where there is one.
pub(super) fn refusal(error: &io::Error, place: Place) -> String {
    match error.raw_os_error() {
        _ if is_missing(error) && place.no_unit && !place.in_kernel => {
            "this virtual machine has no performance monitoring unit (PMU): measure on the host, or have it \
             passed through"
                .into()
        }
        _ if is_missing(error) => {
            format!("this processor or its kernel has no such event ({error})")
        }
        Some(libc::EACCES | libc::EPERM) => forbidden(place),
        Some(libc::ENOSYS) => "this kernel was built without perf events".into(),
        Some(libc::EMFILE | libc::ENFILE) => {
            "too many open files, of which each thread's counters take some: raise `ulimit -n`".into()
        }
        Some(libc::EBUSY) => {
            "another program has the counters for itself: end it, or measure without it".into()
        }
        _ => format!("the kernel refused the counter: {error}"),
    }
}

/// Whether the kernel says that there is no such event, rather than that it may not be counted.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV | libc::ENXIO | libc::EINVAL)
    )
}

/// The kernel's setting where that forbids it; else something that filters system calls.
fn forbidden(place: Place) -> String {
    let most = if place.in_kernel { 1 } else { 2 };
    match place.paranoid {
        Some(paranoid) if paranoid > most => format!(
            "no permission: kernel.perf_event_paranoid is {paranoid}; `sysctl kernel.perf_event_paranoid={most}` \
             or the capability CAP_PERFMON allows it"
        ),
        _ => {
            "no permission: the system call is forbidden, as container runtimes do; `--cap-add PERFMON` or a \
              seccomp profile with perf_event_open allows it"
                .into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Place = Place { no_unit: false, paranoid: Some(4), in_kernel: false };

    fn said(errno: i32, place: Place) -> String {
        refusal(&io::Error::from_raw_os_error(errno), place)
    }

    /// A missing unit, a missing event and a missing permission are told apart, each with its way out.
    #[test]
    fn refusals_say_what_to_set() {
        let guest = Place { no_unit: true, ..HOST };
        for errno in [libc::ENOENT, libc::EOPNOTSUPP] {
            assert!(said(errno, guest).contains("virtual machine"));
            assert!(said(errno, HOST).contains("no such event"));
        }
        for errno in [libc::EACCES, libc::EPERM] {
            let text = said(errno, HOST);
            assert!(text.contains("is 4") && text.contains("kernel.perf_event_paranoid=2"), "{text}");
            let text = said(errno, Place { in_kernel: true, paranoid: Some(2), ..HOST });
            assert!(text.contains("kernel.perf_event_paranoid=1"), "{text}");
            // The kernel's setting is not what forbids it here, so it is not blamed.
            for paranoid in [Some(2), Some(-1), None] {
                let text = said(errno, Place { paranoid, ..HOST });
                assert!(text.contains("PERFMON") && !text.contains("paranoid"), "{text}");
            }
        }
        assert!(said(libc::EMFILE, HOST).contains("ulimit -n"));
        assert!(said(libc::ENOSYS, HOST).contains("without perf events"));
        assert!(said(libc::EIO, HOST).contains("refused"));
    }

    /// An event of the kernel that a virtual machine lacks is not blamed on its PMU.
    #[test]
    fn software_needs_no_unit() {
        let place = Place { no_unit: true, in_kernel: true, ..HOST };
        assert!(said(libc::ENOENT, place).contains("no such event"));
    }
}
