//! Ids of runs, sessions and producers: UUIDv7, so that they sort by the time they were made.

use crate::Micros;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::{Builder, Uuid};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// A fresh id, later in sort order than those made before it.
            #[must_use]
            #[expect(clippy::new_without_default, reason = "a default id would be a different id each time")]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }

            /// The id of an instant that `random` tells from others: the same each time.
            #[must_use]
            pub fn from_parts(at: Micros, random: [u8; 10]) -> Self {
                let millis = u64::try_from(at / 1_000).unwrap_or(0);
                Self(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = uuid::Error;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                text.parse()
            }
        }
    };
}

id!(
    /// One launch of one suite across a fleet.
    RunId
);
id!(
    /// One fresh operating-system process of a run on one node: the unit of replication.
    SessionId
);
id!(
    /// One spool: the owner of one contiguous sequence of rows per table.
    ProducerId
);
