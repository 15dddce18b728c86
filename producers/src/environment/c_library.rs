//! The C library's version: `memcpy` and the allocator, which are measured, are its.
#![expect(unsafe_code, reason = "one call into the C library")]

/// `glibc 2.36`; `None` with another library.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(super) fn version() -> Option<String> {
    // SAFETY: the function takes nothing and returns a constant, NUL-terminated string.
    let version = unsafe { std::ffi::CStr::from_ptr(libc::gnu_get_libc_version()) };
    Some(format!("glibc {}", version.to_str().ok()?))
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(super) fn version() -> Option<String> {
    None
}
