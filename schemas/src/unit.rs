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
    /// What a series measures.
    Metric {
        /// Elapsed wall-clock time of a sample's iterations.
        Time = "time",
    }
);

impl Metric {
    /// The unit of this metric's samples.
    #[must_use]
    pub const fn unit(self) -> Unit {
        match self {
            Self::Time => Unit::Second,
        }
    }

    /// The direction in which this metric is better.
    #[must_use]
    pub const fn better(self) -> Better {
        match self {
            Self::Time => Better::Lower,
        }
    }
}
