//! The libraries of CUDA, loaded where they are found. A call into one that is missing would panic.
#![expect(unsafe_code, reason = "loading a library runs its initialisers")]

use super::{error::GpuError, places::VARIABLE};
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

    /// Its file is `lib<stem>.so`.
    pub(crate) const fn stem(self) -> &'static str {
        match self {
            Self::Driver => "cuda",
            Self::Nvrtc => "nvrtc",
            Self::Cublas => "cublas",
            Self::CublasLt => "cublasLt",
            Self::Cufft => "cufft",
            Self::Cusparse => "cusparse",
            Self::Nccl => "nccl",
        }
    }

    /// Its key in the environment of a session, where its version is worth one.
    pub(crate) const fn key(self) -> Option<&'static str> {
        match self {
            Self::Nvrtc => Some("cuda.nvrtc"),
            Self::Cublas => Some("cuda.cublas"),
            Self::Cufft => Some("cuda.cufft"),
            Self::Cusparse => Some("cuda.cusparse"),
            Self::Nccl => Some("nccl"),
            // The driver says its own, and the other is cuBLAS's.
            Self::Driver | Self::CublasLt => None,
        }
    }

    /// What it is needed for.
    pub(crate) const fn allows(self) -> &'static str {
        match self {
            Self::Driver | Self::Nvrtc => "benchmarks of devices",
            Self::Cublas => "products of matrices by cuBLAS",
            Self::CublasLt => "products of matrices by cuBLASLt",
            Self::Cufft => "Fourier transforms",
            Self::Cusparse => "products of sparse matrices",
            Self::Nccl => "collectives between devices",
        }
    }

    /// The package of pip that has it, for the newest CUDA.
    const fn package(self) -> &'static str {
        match self {
            Self::Driver | Self::Nvrtc => "nvidia-cuda-nvrtc",
            Self::Cublas | Self::CublasLt => "nvidia-cublas",
            Self::Cufft => "nvidia-cufft",
            Self::Cusparse => "nvidia-cusparse",
            Self::Nccl => "nvidia-nccl",
        }
    }

    /// What to do where it is missing.
    pub(crate) fn way_out(self) -> String {
        match self {
            Self::Driver => {
                "install NVIDIA's driver; in a container, have it passed through (`--gpus all`)".into()
            }
            _ => format!(
                "install CUDA's or `pip install {}-cu12`, or name where it lies in {VARIABLE}",
                self.package()
            ),
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
        let (stem, way_out) = (self.stem(), self.way_out());
        Err(GpuError::Missing(match self {
            Self::Driver => format!("no NVIDIA driver: libcuda.so.1 is not found; {way_out}"),
            _ => format!("lib{stem}.so is not found; {way_out}"),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is missing says where to get it, and how to name where it lies.
    #[test]
    fn missing_libraries_have_a_way_out() {
        assert_eq!(
            Library::Nccl.way_out(),
            "install CUDA's or `pip install nvidia-nccl-cu12`, or name where it lies in BENCHLAKE_CUDA_PATH"
        );
        let ways: std::collections::BTreeSet<_> = Library::ALL.into_iter().map(Library::way_out).collect();
        assert_eq!(ways.len(), 6, "cuBLAS and cuBLASLt come together");
    }
}
