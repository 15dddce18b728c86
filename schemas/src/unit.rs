//! Units (SI base units or counts), metrics and the direction that is better.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value, in order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The text in the lake and on screen.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words!(
    /// The unit of a sample: an SI base unit or a count; prefixes belong to the screen.
    Unit {
        /// Seconds.
        Second = "s",
        /// Bytes.
        Byte = "B",
        /// Joules.
        Joule = "J",
        /// Kelvin.
        Kelvin = "K",
        /// Hertz.
        Hertz = "Hz",
        /// Watts.
        Watt = "W",
        /// A plain count of things.
        Count = "1",
    }
);

words!(
    /// Which direction of a metric is better.
    Better {
        /// Less is better, as for times.
        Lower = "lower",
        /// More is better, as for rates.
        Higher = "higher",
    }
);

words!(
    /// What a series measures. Samples are totals over their iterations, except for levels, such as memory or
    /// a temperature, which stand beside 1 iteration.
    Metric {
        /// Elapsed wall-clock time.
        Time = "time",
        /// Processor time of all threads, user and system.
        CpuTime = "cpu_time",
        /// Processor cycles, not halted.
        Cycles = "cycles",
        /// Instructions retired.
        Instructions = "instructions",
        /// Branch instructions retired.
        Branches = "branches",
        /// Branches that were mispredicted.
        BranchMisses = "branch_misses",
        /// Loads that asked the level-1 data cache.
        L1dLoads = "l1d_loads",
        /// Loads that the level-1 data cache did not have.
        L1dMisses = "l1d_misses",
        /// Requests that the level-2 cache got.
        L2Accesses = "l2_accesses",
        /// Requests that the level-2 cache did not have.
        L2Misses = "l2_misses",
        /// Requests that the last-level cache got.
        LlcAccesses = "llc_accesses",
        /// Requests that the last-level cache did not have.
        LlcMisses = "llc_misses",
        /// Scalar floating-point instructions retired.
        FpScalar = "fp_scalar",
        /// Floating-point instructions retired on vectors of 128 bits.
        Fp128 = "fp_128",
        /// Floating-point instructions retired on vectors of 256 bits.
        Fp256 = "fp_256",
        /// Floating-point instructions retired on vectors of 512 bits.
        Fp512 = "fp_512",
        /// Page faults that needed no disk.
        MinorFaults = "minor_faults",
        /// Page faults that needed the disk.
        MajorFaults = "major_faults",
        /// Times that a thread was taken off its processor.
        ContextSwitches = "context_switches",
        /// Times that a thread was moved to another processor.
        Migrations = "migrations",
        /// Energy of the whole processor package.
        Energy = "energy",
        /// Blocks allocated.
        Allocations = "allocations",
        /// Bytes allocated.
        AllocatedBytes = "allocated_bytes",
        /// The most memory that was resident.
        PeakMemory = "peak_memory",
        /// The mean of the memory that was resident.
        MeanMemory = "mean_memory",
        /// Elapsed time of the host, where [`Time`](Self::Time) is a device's.
        HostTime = "host_time",
        /// Energy of the device.
        DeviceEnergy = "device_energy",
        /// Power that the device drew.
        DevicePower = "device_power",
        /// Temperature of the device.
        DeviceTemperature = "device_temperature",
        /// Clock of the device's multiprocessors.
        SmClock = "sm_clock",
        /// Clock of the device's memory.
        MemoryClock = "memory_clock",
        /// The most memory of the device that the workload held.
        PeakDeviceMemory = "peak_device_memory",
        /// Registers of a thread of the kernel.
        Registers = "registers",
        /// The share of the warps of a multiprocessor that the kernel can keep resident.
        Occupancy = "occupancy",
    }
);

impl Metric {
    /// The unit of this metric's samples.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Time | Self::CpuTime | Self::HostTime => Unit::Second,
            Self::Energy | Self::DeviceEnergy => Unit::Joule,
            Self::AllocatedBytes | Self::PeakMemory | Self::MeanMemory | Self::PeakDeviceMemory => Unit::Byte,
            Self::DevicePower => Unit::Watt,
            Self::DeviceTemperature => Unit::Kelvin,
            Self::SmClock | Self::MemoryClock => Unit::Hertz,
            _ => Unit::Count,
        }
    }

    /// The direction in which this metric is better: nearly all of them count what a benchmark costs.
    #[must_use]
    pub const fn better(self) -> Better {
        match self {
            Self::SmClock | Self::MemoryClock | Self::Occupancy => Better::Higher,
            _ => Better::Lower,
        }
    }

    /// Whether it is told of devices alone, beside their times: no counter of the processor's.
    #[must_use]
    pub const fn is_of_devices(self) -> bool {
        matches!(
            self,
            Self::HostTime
                | Self::DeviceEnergy
                | Self::DevicePower
                | Self::DeviceTemperature
                | Self::SmClock
                | Self::MemoryClock
                | Self::PeakDeviceMemory
                | Self::Registers
                | Self::Occupancy
        )
    }
}
