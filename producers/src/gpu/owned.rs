//! Handles of CUDA's libraries that are given back when they go out of scope.

/// A handle, and what gives it back.
pub(crate) struct Owned<T: Copy> {
    handle: T,
    destroy: fn(T),
}

impl<T: Copy> Owned<T> {
    /// `destroy` may ignore errors: a handle of a device that is lost cannot be given back.
    pub(crate) fn new(handle: T, destroy: fn(T)) -> Self {
        Self { handle, destroy }
    }

    /// The handle, valid as long as this is.
    pub(crate) fn get(&self) -> T {
        self.handle
    }
}

impl<T: Copy> Drop for Owned<T> {
    fn drop(&mut self) {
        (self.destroy)(self.handle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    /// A handle is given back once, at the end of its scope.
    #[test]
    fn handles_are_given_back_once() {
        static GIVEN_BACK: AtomicU32 = AtomicU32::new(0);
        let owned = Owned::new(7, |handle| {
            GIVEN_BACK.fetch_add(handle, Ordering::Relaxed);
        });
        assert_eq!((owned.get(), GIVEN_BACK.load(Ordering::Relaxed)), (7, 0));
        drop(owned);
        assert_eq!(GIVEN_BACK.load(Ordering::Relaxed), 7);
    }
}
