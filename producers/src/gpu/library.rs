//! The libraries of CUDA, loaded where they are found. A call into one that is missing would panic.
#![expect(unsafe_code, reason = "loading a library runs its initialisers")]

use super::error::GpuError;
use cudarc::{cublas, cublaslt, cufft, cusparse, driver, nccl, nvrtc};
use std::{collections::BTreeMap, sync::Mutex};

/// A library of CUDA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Library {
    Driver,
    Nvrtc,
    Cublas,
    CublasLt,
    Cufft,
    Cusparse,
    Nccl,
}

impl Library {
    pub(crate) const ALL: [Self; 7] =
        [Self::Driver, Self::Nvrtc, Self::Cublas, Self::CublasLt, Self::Cufft, Self::Cusparse, Self::Nccl];

    /// The beginning of its file's name.
    pub(crate) const fn file(self) -> &'static str {
        match self {
            Self::Driver => "libcuda",
            Self::Nvrtc => "libnvrtc",
            Self::Cublas => "libcublas",
            Self::CublasLt => "libcublasLt",
            Self::Cufft => "libcufft",
            Self::Cusparse => "libcusparse",
            Self::Nccl => "libnccl",
        }
    }

    /// Whether it can be loaded; tried once.
    pub(crate) fn is_present(self) -> bool {
        static FOUND: Mutex<BTreeMap<Library, bool>> = Mutex::new(BTreeMap::new());
        let mut found = FOUND.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // SAFETY: the initialisers of NVIDIA's libraries may run at any time.
        *found.entry(self).or_insert_with(|| unsafe {
            match self {
                Self::Driver => driver::sys::is_culib_present(),
                Self::Nvrtc => nvrtc::sys::is_culib_present(),
                Self::Cublas => cublas::sys::is_culib_present(),
                Self::CublasLt => cublaslt::sys::is_culib_present(),
                Self::Cufft => cufft::sys::is_culib_present(),
                Self::Cusparse => cusparse::sys::is_culib_present(),
                Self::Nccl => nccl::sys::is_culib_present(),
            }
        })
    }

    /// That it is there.
    ///
    /// # Errors
    /// [`GpuError::Missing`], with where to get it.
    pub(crate) fn require(self) -> Result<(), GpuError> {
        if self.is_present() {
            return Ok(());
        }
        let file = self.file();
        Err(GpuError::Missing(match self {
            Self::Driver => format!("no NVIDIA driver: {file}.so.1 is not found"),
            _ => format!("{file}.so is not found: install it, or name its folder in LD_LIBRARY_PATH"),
        }))
    }
}
