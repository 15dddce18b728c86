//! What S3 answers, for people: one line that names the bucket, what happened and what to do.
//!
//! The server's own text is dropped where it comes in: it may repeat a session token. Only its code
//! and message are kept.

use super::settings::Settings;
use object_store::{
    Error as StoreError,
    client::{HttpError, HttpErrorKind},
};
use std::error::Error;

/// How every line of ours begins: layers above may keep only the text of an error.
const BEGIN: &str = "S3 bucket `";
/// How a line ends whose cause may pass by itself.
const MAY_PASS: &str = "; it may pass";

/// What S3 answered, in one line, if that is what is wrong: found in `error` or in what caused it, and
/// without the words of the layers between.
#[must_use]
pub fn explain(error: &(dyn Error + 'static)) -> Option<String> {
    causes(error).find_map(|error| line_in(&error.to_string()).map(str::to_owned))
}

/// The line of ours in a text of the layers above.
pub(crate) fn line_in(text: &str) -> Option<&str> {
    text[text.find(BEGIN)?..].lines().next()
}

/// Whether the same request may succeed later: the server is overloaded, down or out of reach, or the
/// connection was cut.
#[must_use]
pub fn is_transient(error: &(dyn Error + 'static)) -> bool {
    explain(error).is_some_and(|line| line.contains(MAY_PASS))
}

/// A bucket and how it is reached, as errors tell it.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) bucket: String,
    /// The server's URL, or the region of Amazon's.
    pub(super) server: String,
    pub(super) region: String,
    /// Who asks: where the credentials are from.
    pub(super) origin: String,
}

impl Place {
    pub(super) fn new(bucket: &str, settings: &Settings) -> Self {
        Self {
            bucket: bucket.to_owned(),
            server: settings.endpoint.clone().unwrap_or_else(|| format!("Amazon ({})", settings.region)),
            region: settings.region.clone(),
            origin: settings.origin.to_string(),
        }
    }

    /// The same error for callers, its text for people. What is an answer and no trouble stays as it
    /// is: there is no such object, or there is one already.
    pub(super) fn name(&self, error: StoreError) -> StoreError {
        let problem = |error: &StoreError| Box::new(self.problem(error));
        match error {
            StoreError::PermissionDenied { ref path, .. } => {
                StoreError::PermissionDenied { path: path.clone(), source: problem(&error) }
            }
            StoreError::Unauthenticated { ref path, .. } => {
                StoreError::Unauthenticated { path: path.clone(), source: problem(&error) }
            }
            StoreError::NotFound { .. } if Seen::of(&error).code.is_some_and(|code| code != "NoSuchKey") => {
                StoreError::Generic { store: "S3", source: problem(&error) }
            }
            StoreError::Generic { store, .. } => StoreError::Generic { store, source: problem(&error) },
            other => other,
        }
    }

    fn problem(&self, error: &StoreError) -> Problem {
        let Self { bucket, server, origin, .. } = self;
        let seen = Seen::of(error);
        let what = match seen.status {
            // Whoever hands out credentials was asked, not the bucket.
            _ if seen.of_credentials => format!(
                "{origin}: none from there ({}): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
                seen.innermost
            ),
            Some(status) => self.refusal(&seen, status),
            None => self.no_answer(&seen),
        };
        let end = if seen.passes() { MAY_PASS } else { "" };
        Problem(format!("{BEGIN}{bucket}` at {server}: {what}{end}"))
    }

    /// The server's refusal, and what to do.
    fn refusal(&self, seen: &Seen, status: u16) -> String {
        let Self { region, origin, .. } = self;
        let code = seen.code.as_deref().unwrap_or_default();
        let answer = format!("{status} {code}");
        let answer = answer.trim_end();
        match (code, status) {
            // The second is versitygw's.
            ("InvalidAccessKeyId" | "XAdminUserNotFound", _) => {
                format!("{origin}: the server does not know that key id ({answer}): set the right keys")
            }
            ("SignatureDoesNotMatch", _) => {
                format!("{origin}: the secret does not fit its key id ({answer}): set the right keys")
            }
            ("ExpiredToken" | "InvalidToken" | "TokenRefreshRequired", _) => {
                format!("{origin}: they have expired ({answer}): sign in again")
            }
            ("RequestTimeTooSkewed", _) => {
                format!("this machine's clock and the server's differ too much ({answer}): set it")
            }
            (
                "PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException",
                _,
            )
            | (_, 301 | 307 | 308) => {
                format!("it is not in region {region} ({answer}): set AWS_REGION to the bucket's")
            }
            ("NoSuchBucket", _) => "there is no such bucket: create it, or mend the URI".to_owned(),
            (_, 401 | 403) => format!(
                "{origin}: access denied ({answer}): allow them s3:ListBucket, and s3:GetObject, s3:PutObject and \
                 s3:DeleteObject on its objects"
            ),
            (_, 429 | 500..) => format!("the server is overloaded or down ({answer})"),
            _ => format!("{answer}: {}", seen.message.as_deref().unwrap_or("no reason given")),
        }
    }

    /// What kept the server's answer away.
    fn no_answer(&self, seen: &Seen) -> String {
        let (region, innermost) = (&self.region, &seen.innermost);
        match seen.kind {
            Some(HttpErrorKind::Connect) if seen.is_of_tls() => {
                format!(
                    "TLS: {innermost}: the server must speak it, with a certificate that this system trusts"
                )
            }
            Some(HttpErrorKind::Connect) => {
                format!("no connection: {innermost}: is it up, is AWS_ENDPOINT_URL right?")
            }
            Some(HttpErrorKind::Timeout) => "no answer in time".to_owned(),
            Some(HttpErrorKind::Request | HttpErrorKind::Interrupted | HttpErrorKind::Decode) => {
                format!("the connection was cut: {innermost}")
            }
            _ if seen.redirected => format!("it is not in region {region}: set AWS_REGION to the bucket's"),
            _ => innermost.clone(),
        }
    }

    /// What is wrong before anything was asked.
    pub(super) fn refuse(bucket: &str, what: &str) -> StoreError {
        let problem = Problem(format!("{BEGIN}{bucket}`: {what}"));
        StoreError::Generic { store: "S3", source: Box::new(problem) }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Problem(String);

/// What can be told of an error: the library's own types for it are private, its text is not.
struct Seen {
    status: Option<u16>,
    code: Option<String>,
    message: Option<String>,
    kind: Option<HttpErrorKind>,
    redirected: bool,
    of_credentials: bool,
    innermost: String,
}

impl Seen {
    fn of(error: &StoreError) -> Self {
        let text = error.to_string();
        let between = |open: &str, close: &str| {
            let rest = &text[text.find(open)? + open.len()..];
            Some(one_line(&rest[..rest.find(close)?]))
        };
        let status = text.split("status code: ").nth(1).and_then(|rest| rest.get(..3)?.parse().ok());
        let innermost = match status {
            // What is innermost then is the server's whole answer.
            Some(status) => format!("status {status}"),
            None => causes(error).last().map(|error| one_line(&error.to_string())).unwrap_or_default(),
        };
        Self {
            status,
            code: between("<Code>", "</Code>"),
            message: between("<Message>", "</Message>"),
            kind: causes(error).find_map(|error| Some(error.downcast_ref::<HttpError>()?.kind())),
            redirected: text.contains("Received redirect"),
            // Requests to STS hide their address, those to the instance's metadata and to a container's
            // agent have these.
            of_credentials: ["REDACTED", "//169.254.", "/latest/", "token file"]
                .iter()
                .any(|mark| text.contains(mark)),
            innermost,
        }
    }

    /// Whether there is a server that speaks no TLS, or not as we must.
    fn is_of_tls(&self) -> bool {
        ["certificate", "corrupt message", "Handshake"].iter().any(|word| self.innermost.contains(word))
    }

    fn passes(&self) -> bool {
        match (self.status, self.kind) {
            (Some(status), _) => status == 429 || status >= 500,
            (None, Some(HttpErrorKind::Connect)) => !self.is_of_tls(),
            (None, Some(HttpErrorKind::Unknown) | None) => false,
            (None, Some(_)) => true,
        }
    }
}

/// An error and what caused it, innermost last.
fn causes<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        let text = |text: &str| text.to_owned();
        Place {
            bucket: text("b"),
            server: text("http://s"),
            region: text("eu-1"),
            origin: text("the keys of profile `p`"),
        }
    }

    fn answer(status: &str, code: &str) -> StoreError {
        let body =
            format!("<Error><Code>{code}</Code><Message>why</Message><Token-0>SECRET</Token-0></Error>");
        let text = format!(
            "Error performing GET http://s/b - Server returned non-2xx status code: {status}: {body}"
        );
        StoreError::Generic { store: "S3", source: text.into() }
    }

    /// Each answer is named in one line, says whether it may pass, and repeats no secret.
    #[test]
    fn answers_are_named() {
        for (status, code, words, passes) in [
            (
                "403 Forbidden",
                "InvalidAccessKeyId",
                "the keys of profile `p`: the server does not know that key id",
                false,
            ),
            (
                "403 Forbidden",
                "AccessDenied",
                "the keys of profile `p`: access denied (403 AccessDenied)",
                false,
            ),
            ("400 Bad Request", "ExpiredToken", "they have expired", false),
            ("404 Not Found", "NoSuchBucket", "there is no such bucket", false),
            ("301 Moved Permanently", "PermanentRedirect", "it is not in region eu-1", false),
            ("400 Bad Request", "AuthorizationHeaderMalformed", "set AWS_REGION", false),
            ("503 Service Unavailable", "SlowDown", "overloaded or down (503 SlowDown)", true),
            ("400 Bad Request", "EntityTooLarge", "400 EntityTooLarge: why", false),
        ] {
            let named = place().name(answer(status, code));
            let line = explain(&named).unwrap_or_default();
            assert!(line.starts_with("S3 bucket `b` at http://s: ") && line.contains(words), "{line}");
            assert!(!named.to_string().contains("SECRET") && !format!("{named:?}").contains("SECRET"));
            assert_eq!(is_transient(&named), passes, "{line}");
        }
    }

    /// The line is found where only the text of an error was kept, and stays what it was.
    #[test]
    fn text_is_enough() {
        let named = place().name(answer("503 Service Unavailable", "SlowDown"));
        let text = std::io::Error::other(format!("Kernel error: {named}\nbacktrace"));
        assert_eq!(explain(&text), explain(&named));
        assert!(is_transient(&text));
        assert_eq!(explain(&std::io::Error::other("disk full")), None);
    }

    /// That an object is not there, or is there already, is an answer and no trouble.
    #[test]
    fn answers_stay_answers() {
        let missing = StoreError::NotFound { path: "k".into(), source: "404 NoSuchKey".into() };
        assert!(matches!(place().name(missing), StoreError::NotFound { .. }));
        let there = StoreError::AlreadyExists { path: "k".into(), source: "412".into() };
        assert!(matches!(place().name(there), StoreError::AlreadyExists { .. }));
        let nowhere = StoreError::NotFound { path: "k".into(), source: "<Code>NoSuchBucket</Code>".into() };
        assert!(explain(&place().name(nowhere)).is_some());
    }
}
