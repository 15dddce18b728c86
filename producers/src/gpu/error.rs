//! Why something cannot be done on a device.

use crate::session::Refused;
use cudarc::{
    driver::{DriverError, sys::CUresult},
    nvrtc::CompileError,
};
use std::fmt;

/// Why something cannot be done on a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GpuError {
    /// This machine lacks what is needed: says what, and what to do.
    #[error("{0}")]
    Missing(String),
    /// The driver refused.
    #[error("{what}: {code}{hint}")]
    Driver {
        /// What was tried.
        what: &'static str,
        /// The driver's name of the error.
        code: String,
        /// What to do, after a colon.
        hint: &'static str,
        /// Whether the process can do nothing more on the device.
        lost: bool,
        /// Whether another machine, or this one at another time, could do it.
        missing: bool,
    },
    /// A library refused.
    #[error("{0}")]
    Library(String),
    /// A kernel does not compile: a bug of this build.
    #[error("{name} does not compile for {arch}: {log}")]
    Compile {
        /// The kernel's file.
        name: &'static str,
        /// For which architecture.
        arch: String,
        /// What the compiler says.
        log: String,
    },
    /// The device did not finish in time.
    #[error("the device did not finish {what} within {seconds} s: is it lost, or busy with another process?")]
    TimedOut {
        /// What.
        what: &'static str,
        /// The limit.
        seconds: u64,
    },
}

impl GpuError {
    /// `error` of the driver while it tried `what`.
    pub(crate) fn driver(what: &'static str) -> impl Fn(DriverError) -> Self {
        move |DriverError(code)| {
            let (hint, lost, missing) = meaning(code);
            Self::Driver { what, code: format!("{code:?}"), hint, lost, missing }
        }
    }

    /// `error` of a library while it tried `what`: the name of its status, and a way out where one is known.
    pub(crate) fn library<E: fmt::Debug>(what: &'static str) -> impl Fn(E) -> Self {
        move |error| {
            let text = format!("{what}: {error:?}");
            let says = |names: &[&str]| names.iter().any(|name| text.contains(name));
            if says(&["ALLOC_FAILED", "INSUFFICIENT_RESOURCES"]) {
                Self::Missing(format!("{text}: the device has too little free memory: choose a smaller size"))
            } else if says(&["NOT_SUPPORTED", "ARCH_MISMATCH", "NOT_IMPLEMENTED"]) {
                Self::Missing(format!("{text}: this device, or this version of the library, cannot do that"))
            } else if says(&["NOT_INITIALIZED"]) {
                Self::Missing(format!("{text}: is the driver older than this library, or the device full?"))
            } else {
                Self::Library(text)
            }
        }
    }

    /// `error` of the compiler on the kernel `name`.
    pub(crate) fn compile(name: &'static str, arch: &str, error: &CompileError) -> Self {
        let log = match error {
            CompileError::CompileError { log, .. } => log.to_string_lossy().trim().to_owned(),
            other => format!("{other:?}"),
        };
        Self::Compile { name, arch: arch.to_owned(), log }
    }

    /// Whether this process can do nothing more on the device: every later call would fail too.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(self, Self::Driver { lost: true, .. } | Self::TimedOut { .. })
    }
}

impl From<GpuError> for Refused {
    fn from(error: GpuError) -> Self {
        match error {
            GpuError::Missing(_) | GpuError::Driver { missing: true, .. } => Self::Skipped(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// What to do about `code`, whether the context is lost after it, and whether it is a lack of this machine
/// (CUDA driver API, `CUresult`).
fn meaning(code: CUresult) -> (&'static str, bool, bool) {
    use CUresult as C;
    match code {
        C::CUDA_ERROR_OUT_OF_MEMORY => {
            (": the device has too little free memory: choose a smaller size", false, true)
        }
        C::CUDA_ERROR_NO_DEVICE => (": no device is visible: see CUDA_VISIBLE_DEVICES", false, true),
        C::CUDA_ERROR_DEVICE_UNAVAILABLE => {
            (": another process has it for itself: end that, or set its compute mode to default", false, true)
        }
        C::CUDA_ERROR_SYSTEM_DRIVER_MISMATCH
        | C::CUDA_ERROR_UNSUPPORTED_PTX_VERSION
        | C::CUDA_ERROR_INVALID_IMAGE => {
            (": the driver is too old for this library: update the driver", false, true)
        }
        C::CUDA_ERROR_NO_BINARY_FOR_GPU | C::CUDA_ERROR_NOT_SUPPORTED | C::CUDA_ERROR_NOT_PERMITTED => {
            (": this device cannot do that", false, true)
        }
        C::CUDA_ERROR_MPS_CONNECTION_FAILED | C::CUDA_ERROR_SYSTEM_NOT_READY => {
            (": the system's services for it are not ready", false, true)
        }
        C::CUDA_ERROR_ECC_UNCORRECTABLE => {
            (": its memory has an error that cannot be corrected: see `nvidia-smi -q -d ECC`", true, false)
        }
        C::CUDA_ERROR_LAUNCH_FAILED
        | C::CUDA_ERROR_ILLEGAL_ADDRESS
        | C::CUDA_ERROR_MISALIGNED_ADDRESS
        | C::CUDA_ERROR_HARDWARE_STACK_ERROR
        | C::CUDA_ERROR_ILLEGAL_INSTRUCTION
        | C::CUDA_ERROR_LAUNCH_TIMEOUT
        | C::CUDA_ERROR_INVALID_PC
        | C::CUDA_ERROR_INVALID_ADDRESS_SPACE
        | C::CUDA_ERROR_ASSERT
        | C::CUDA_ERROR_CONTEXT_IS_DESTROYED
        | C::CUDA_ERROR_NVLINK_UNCORRECTABLE
        | C::CUDA_ERROR_UNKNOWN => (": the device may be lost: see Xid in `dmesg`", true, false),
        _ => ("", false, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driver(code: CUresult) -> GpuError {
        GpuError::driver("allocating")(DriverError(code))
    }

    /// What a machine lacks skips, what breaks fails, and what loses the device is known as such.
    #[test]
    fn errors_are_told_apart() {
        let memory = driver(CUresult::CUDA_ERROR_OUT_OF_MEMORY);
        assert!(!memory.is_lost());
        assert_eq!(
            memory.to_string(),
            "allocating: CUDA_ERROR_OUT_OF_MEMORY: the device has too little free memory: choose a smaller size"
        );
        assert!(matches!(memory.into(), Refused::Skipped(_)));
        let ecc = driver(CUresult::CUDA_ERROR_ECC_UNCORRECTABLE);
        assert!(ecc.is_lost() && matches!(ecc.into(), Refused::Failed(_)));
        let value = driver(CUresult::CUDA_ERROR_INVALID_VALUE);
        assert!(!value.is_lost() && matches!(value.into(), Refused::Failed(_)));
        assert!(GpuError::TimedOut { what: "a sample", seconds: 60 }.is_lost());
    }

    /// What a library cannot do here skips with a way out, what it does wrong fails with its name.
    #[test]
    fn statuses_of_libraries() {
        use cudarc::cublas::{result::CublasError, sys::cublasStatus_t as Status};
        let said = |status| GpuError::library("multiplying")(CublasError(status));
        let memory = said(Status::CUBLAS_STATUS_ALLOC_FAILED);
        assert!(memory.to_string().ends_with("choose a smaller size"), "{memory}");
        assert!(matches!(memory.into(), Refused::Skipped(_)));
        assert!(matches!(said(Status::CUBLAS_STATUS_NOT_SUPPORTED).into(), Refused::Skipped(_)));
        let failed = said(Status::CUBLAS_STATUS_EXECUTION_FAILED);
        assert_eq!(failed.to_string(), "multiplying: CublasError(CUBLAS_STATUS_EXECUTION_FAILED)");
        assert!(matches!(failed.into(), Refused::Failed(_)));
    }
}
