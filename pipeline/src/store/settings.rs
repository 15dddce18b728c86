//! Who asks S3, and where it is: from the environment, else from the profile files of AWS's own tools.

use ini::{Ini, ParseOption, Properties};
use object_store::aws::AwsCredential;
use std::{collections::HashMap, fmt, path::PathBuf};

/// Where credentials are from; the secrets themselves are never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    Environment,
    Profile(String),
    WebIdentity(String),
    Container,
    Instance,
    Nobody,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment => write!(f, "the keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
            Self::Profile(name) => write!(f, "the keys of profile `{name}`"),
            Self::WebIdentity(role) => write!(f, "the web identity with role {role}"),
            Self::Container => write!(f, "the container's credentials"),
            Self::Instance => write!(f, "the instance profile of this machine"),
            Self::Nobody => write!(f, "no credentials (AWS_SKIP_SIGNATURE)"),
        }
    }
}

/// What the process is told from outside.
pub(super) struct Outside<'a> {
    /// Its environment.
    pub(super) variables: HashMap<String, String>,
    /// The content of a file, if it can be read.
    pub(super) read: &'a dyn Fn(&PathBuf) -> Option<String>,
    /// Whether this is a machine of Amazon's, so that its metadata service may be asked. Elsewhere that
    /// address does not answer, and asking would take minutes.
    pub(super) on_ec2: bool,
}

impl Outside<'_> {
    fn variable(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.variables.get(*name).map(String::as_str)).filter(|v| !v.is_empty())
    }
}

/// All that has to be known to reach a bucket. It has no `Debug`: it holds a secret.
pub(super) struct Settings {
    pub(super) origin: Origin,
    /// The keys, where they are not fetched from a service.
    pub(super) keys: Option<AwsCredential>,
    /// Token file, role and session name of a web identity that a profile names.
    pub(super) web_identity: Option<[String; 3]>,
    pub(super) region: String,
    pub(super) endpoint: Option<String>,
}

impl Settings {
    /// Reads them; the error says what is missing and what to do.
    pub(super) fn find(outside: &Outside<'_>) -> Result<Self, String> {
        let profile = Profile::find(outside)?;
        let region = outside.variable(&["AWS_REGION", "AWS_DEFAULT_REGION"]).or(profile.get("region"));
        let endpoint = outside.variable(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT"]);
        let endpoint = endpoint.or(profile.get("endpoint_url")).map(str::to_owned);
        let allow_http =
            outside.variable(&["AWS_ALLOW_HTTP"]).is_some_and(|said| said != "false" && said != "0");
        if let Some(endpoint) = endpoint.as_ref().filter(|url| url.starts_with("http://") && !allow_http) {
            return Err(format!("{endpoint} is not encrypted: use https://, or set AWS_ALLOW_HTTP=true"));
        }
        let mut settings = Self {
            origin: Origin::Environment,
            keys: None,
            web_identity: None,
            region: region.unwrap_or("us-east-1").to_owned(),
            endpoint,
        };
        settings.credentials(outside, &profile)?;
        Ok(settings)
    }

    fn credentials(&mut self, outside: &Outside<'_>, profile: &Profile) -> Result<(), String> {
        let variable = |name| outside.variable(&[name]);
        if variable("AWS_SKIP_SIGNATURE").is_some_and(|said| said == "true" || said == "1") {
            self.origin = Origin::Nobody;
            return Ok(());
        }
        let token = variable("AWS_SESSION_TOKEN");
        let keys = keys(variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"), token);
        self.keys = keys.map_err(|missing| {
            format!("the environment has half a key: set AWS_{} too", missing.to_uppercase())
        })?;
        if self.keys.is_some() {
            return Ok(());
        }
        if let (Some(_), Some(role)) = (variable("AWS_WEB_IDENTITY_TOKEN_FILE"), variable("AWS_ROLE_ARN")) {
            self.origin = Origin::WebIdentity(role.to_owned());
            return Ok(());
        }
        if profile.credentials(self)? {
            return Ok(());
        }
        let container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
        let metadata = variable("AWS_METADATA_ENDPOINT").is_some() || outside.on_ec2;
        let forbidden =
            variable("AWS_EC2_METADATA_DISABLED").is_some_and(|said| said.eq_ignore_ascii_case("true"));
        self.origin = if outside.variable(&container).is_some() {
            Origin::Container
        } else if metadata && !forbidden {
            Origin::Instance
        } else {
            return Err(format!(
                "no credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor profile `{}` in {} has any, \
                 and this is no EC2 machine: set the former, or name a profile in AWS_PROFILE",
                profile.name, profile.places
            ));
        };
        Ok(())
    }
}

/// Keys need both halves; the error is the name of the one that is missing.
fn keys(
    id: Option<&str>,
    secret: Option<&str>,
    token: Option<&str>,
) -> Result<Option<AwsCredential>, &'static str> {
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Some(AwsCredential {
            key_id: id.to_owned(),
            secret_key: secret.to_owned(),
            token: token.map(str::to_owned),
        })),
        (Some(_), None) => Err("secret_access_key"),
        (None, Some(_)) => Err("access_key_id"),
        (None, None) => Ok(None),
    }
}

/// The properties of one profile, those of the credentials file before those of the other.
struct Profile {
    name: String,
    /// The two files, for people.
    places: String,
    parts: Vec<Properties>,
}

impl Profile {
    fn find(outside: &Outside<'_>) -> Result<Self, String> {
        let named = outside.variable(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]);
        let name = named.unwrap_or("default").to_owned();
        let home = |file: &str| Some(PathBuf::from(outside.variable(&["HOME"])?).join(".aws").join(file));
        let place = |variable, file| outside.variable(&[variable]).map(PathBuf::from).or_else(|| home(file));
        let credentials = place("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let config = place("AWS_CONFIG_FILE", "config");
        let in_config = if name == "default" { name.clone() } else { format!("profile {name}") };
        let mut parts = Vec::new();
        let mut places = Vec::new();
        for (file, section) in [(credentials, &name), (config, &in_config)] {
            let Some(file) = file else { continue };
            places.push(file.display().to_string());
            let Some(text) = (outside.read)(&file) else { continue };
            // A secret may hold backslashes and quotes that mean themselves.
            let plain = ParseOption { enabled_escape: false, enabled_quote: false, ..ParseOption::default() };
            let parsed = Ini::load_from_str_opt(&text, plain).map_err(|error| {
                format!("{}:{}: not a profile file: mend that line", file.display(), error.line)
            })?;
            parts.extend(parsed.section(Some(section.as_str())).cloned());
        }
        let places = places.join(" or ");
        if parts.is_empty()
            && let Some(named) = named
        {
            return Err(format!("AWS_PROFILE names `{named}`, but there is no such profile in {places}"));
        }
        Ok(Self { name, places, parts })
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.parts.iter().find_map(|part| part.get(key)).filter(|value| !value.is_empty())
    }

    /// Fills in this profile's credentials; false if it has none. Those that a program or a sign-in has
    /// to fetch are refused with the way to get them.
    fn credentials(&self, settings: &mut Settings) -> Result<bool, String> {
        let name = &self.name;
        let needs = [
            ("sso_session", "a sign-in (sso)"),
            ("sso_start_url", "a sign-in (sso)"),
            ("credential_process", "a program (credential_process)"),
            ("source_profile", "another profile (source_profile)"),
            ("credential_source", "another source (credential_source)"),
        ];
        if let (Some(role), Some(file)) = (self.get("role_arn"), self.get("web_identity_token_file")) {
            let session = self.get("role_session_name").unwrap_or("benchlake");
            settings.web_identity = Some([file, role, session].map(str::to_owned));
            settings.origin = Origin::WebIdentity(role.to_owned());
            return Ok(true);
        }
        if let Some((_, what)) = needs.iter().find(|(key, _)| self.get(key).is_some()) {
            return Err(format!(
                "profile `{name}` gets its keys from {what}, which is not done here: run \
                 `eval \"$(aws configure export-credentials --profile {name} --format env)\"` first"
            ));
        }
        let get = |key| self.get(key);
        let token = get("aws_session_token");
        let keys = keys(get("aws_access_key_id"), get("aws_secret_access_key"), token)
            .map_err(|missing| format!("profile `{name}` has half a key: it lacks aws_{missing}"))?;
        settings.origin = Origin::Profile(name.clone());
        settings.keys = keys;
        Ok(settings.keys.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Settings, String> {
        let read = |path: &PathBuf| {
            files.iter().find(|(name, _)| PathBuf::from(name) == *path).map(|(_, text)| (*text).to_owned())
        };
        let variables = variables.iter().chain(&[("HOME", "/h")]);
        let variables = variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings::find(&Outside { variables, read: &read, on_ec2: false })
    }

    fn refused(variables: &[(&str, &str)], files: &[(&str, &str)]) -> String {
        find(variables, files).err().unwrap_or_else(|| panic!("{variables:?} was accepted"))
    }

    const CREDENTIALS: &str = "[default]\naws_access_key_id = D\naws_secret_access_key = a\\b\"c=/+\n\
        [x]\naws_access_key_id=X\naws_secret_access_key=s\naws_session_token=t\n[half]\naws_access_key_id=H\n";
    const CONFIG: &str = "[default]\nregion = eu-west-1\n[profile x]\nendpoint_url = https://s\ns3 =\n  max_queue = 3\n\
        [profile sso]\nsso_session = work\n[profile tool]\ncredential_process = /bin/x\n\
        [profile role]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = x\n\
        [profile pod]\nrole_arn = arn:aws:iam::1:role/r\nweb_identity_token_file = /t\n";
    const FILES: &[(&str, &str)] = &[("/h/.aws/credentials", CREDENTIALS), ("/h/.aws/config", CONFIG)];

    /// The environment comes before the profile, and a token never goes with another place's keys.
    #[test]
    fn the_environment_comes_first() {
        let both = [("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "e"), ("AWS_PROFILE", "x")];
        let settings = find(&both, FILES).expect("both");
        let keys = settings.keys.expect("keys");
        assert_eq!((settings.origin, &*keys.key_id, keys.token), (Origin::Environment, "E", None));
        let settings = find(&[("AWS_SESSION_TOKEN", "foreign")], FILES).expect("the default profile");
        let keys = settings.keys.expect("keys");
        assert_eq!((&*keys.key_id, &*keys.secret_key, keys.token), ("D", "a\\b\"c=/+", None));
        assert_eq!(settings.region, "eu-west-1");
    }

    /// A profile is read from both files.
    #[test]
    fn a_profile_is_read() {
        let settings = find(&[("AWS_PROFILE", "x"), ("AWS_REGION", "r")], FILES).expect("the profile x");
        assert_eq!(settings.origin, Origin::Profile("x".into()));
        assert_eq!(settings.keys.expect("keys").token.as_deref(), Some("t"));
        assert_eq!((settings.endpoint.as_deref(), &*settings.region), (Some("https://s"), "r"));
        let pod = find(&[("AWS_PROFILE", "pod")], FILES).expect("the profile pod");
        assert_eq!(pod.origin, Origin::WebIdentity("arn:aws:iam::1:role/r".into()));
        let web = [("AWS_WEB_IDENTITY_TOKEN_FILE", "/t"), ("AWS_ROLE_ARN", "r"), ("AWS_PROFILE", "x")];
        assert_eq!(find(&web, FILES).expect("web identity").origin, Origin::WebIdentity("r".into()));
    }

    /// What cannot be done is named with the way out; no secret is in what is said.
    #[test]
    fn what_cannot_be_done_is_named() {
        assert!(refused(&[], &[]).contains("no credentials: neither AWS_ACCESS_KEY_ID"));
        assert!(refused(&[("AWS_PROFILE", "sso")], FILES).contains("export-credentials --profile sso"));
        assert!(refused(&[("AWS_PROFILE", "tool")], FILES).contains("a program (credential_process)"));
        assert!(refused(&[("AWS_PROFILE", "role")], FILES).contains("another profile"));
        assert!(refused(&[("AWS_PROFILE", "half")], FILES).contains("it lacks aws_secret_access_key"));
        assert!(refused(&[("AWS_PROFILE", "nix")], FILES).contains("/h/.aws/credentials or /h/.aws/config"));
        let half = refused(&[("AWS_SECRET_ACCESS_KEY", "sesame")], FILES);
        assert!(half.contains("AWS_ACCESS_KEY_ID") && !half.contains("sesame"), "{half}");
        assert!(refused(&[("AWS_ENDPOINT_URL", "http://s")], FILES).contains("AWS_ALLOW_HTTP=true"));
        let torn = refused(&[], &[("/h/.aws/credentials", "[default]\naws_secret_access_key\n")]);
        assert!(torn.starts_with("/h/.aws/credentials:"), "{torn}");
    }

    /// A machine's metadata service is asked on EC2 alone, and not where that is switched off.
    #[test]
    fn metadata_is_asked_on_ec2_alone() {
        let at = |disabled: &str| {
            let variables = HashMap::from([("AWS_EC2_METADATA_DISABLED".to_owned(), disabled.to_owned())]);
            Settings::find(&Outside { variables, read: &|_| None, on_ec2: true }).map(|found| found.origin)
        };
        assert_eq!(at("false"), Ok(Origin::Instance));
        assert!(at("true").is_err());
    }
}
