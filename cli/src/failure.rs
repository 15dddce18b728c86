//! What a command fails with: one line for people, one code for scripts.

use benchlake_analytics::{
    LakeError as CatalogError, QueryError, SqlError,
    baselines::BaselineError,
    decide::{CompareError, ExplainError, PolicyError},
    format::WriteError,
    functions::UnknownFunction,
    report::ReportError,
    selection::SelectError,
};
use benchlake_pipeline::{LakeError, LandError, store::explain};
use benchlake_producers::{
    agent::{exit, exit_code},
    emit::{ForwardError, KafkaError, SpoolError},
    session::SessionError,
    simulate::PlanError,
    suite::SuiteError,
};
use std::{error::Error, fmt::Display};

/// Why a command failed, and its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn usage(message: impl Display) -> Self {
        Self { code: exit::USAGE, message: message.to_string() }
    }

    pub(crate) fn nothing(message: impl Display) -> Self {
        Self { code: exit::NOTHING, message: message.to_string() }
    }

    pub(crate) fn internal(message: impl Display) -> Self {
        Self { code: exit::INTERNAL, message: message.to_string() }
    }
}

/// A query fails by itself, or because the lake was out of reach while it ran.
fn of_query(error: &(dyn Error + 'static)) -> u8 {
    if explain(error).is_some() { exit::UNREACHABLE } else { exit::USAGE }
}

/// A selector that fits nothing is not wrong in itself.
fn of_selection(error: &SelectError) -> u8 {
    match error {
        SelectError::Nothing { .. } => exit::NOTHING,
        SelectError::Ambiguous { .. } => exit::USAGE,
        SelectError::Sql(error) => of_query(error),
    }
}

macro_rules! failure {
    ($($error:ty => $code:expr),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                let code: fn(&$error) -> u8 = $code;
                Self { code: code(&error), message: error.to_string() }
            }
        })+
    };
}

failure!(
    SuiteError => |_| exit::USAGE,
    UnknownFunction => |_| exit::USAGE,
    PlanError => |_| exit::USAGE,
    KafkaError => |error| exit_code(error),
    SpoolError => |_| exit::INTERNAL,
    CatalogError => |_| exit::UNREACHABLE,
    SqlError => |error| of_query(error),
    QueryError => |error| of_query(error),
    SelectError => |error| of_selection(error),
    BaselineError => |error| match error {
        BaselineError::Sql(error) => of_query(error),
        _ => exit::NOTHING,
    },
    LakeError => |_| exit::UNREACHABLE,
    WriteError => |_| exit::INTERNAL,
    std::io::Error => |_| exit::INTERNAL,
    SessionError => |error| exit_code(error),
    ForwardError => |error| exit_code(error),
    LandError => |error| match error {
        LandError::Kafka(error) => exit_code(error),
        LandError::Lake(_) | LandError::OffsetOutOfRange { .. } => exit::UNREACHABLE,
        _ => exit::INTERNAL,
    },
    PolicyError => |_| exit::USAGE,
    CompareError => |error| match error {
        CompareError::Select(error) => of_selection(error),
        CompareError::NothingInCommon { .. }
        | CompareError::OtherPlatform { .. }
        | CompareError::Moved { .. } => exit::NOTHING,
        CompareError::Refused(_)
        | CompareError::Same { .. }
        | CompareError::Across { .. }
        | CompareError::Filter { .. }
        | CompareError::Policy(_) => exit::USAGE,
        CompareError::Sql(error) => of_query(error),
    },
    ExplainError => |error| match error {
        ExplainError::Nothing { .. } => exit::NOTHING,
        ExplainError::Several { .. } => exit::USAGE,
    },
    ReportError => |error| match error {
        ReportError::NoSeries { .. } | ReportError::NoRun { .. } => exit::NOTHING,
        ReportError::Query(_) | ReportError::Sql(_) => of_query(error),
        ReportError::Io { .. } | ReportError::Plot { .. } => exit::INTERNAL,
    },
);
