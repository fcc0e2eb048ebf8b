//! `larder token`.

use std::io::{self, Write};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::SecondsFormat;
use larder::{domain::Timestamp, ports::Clock};
use larder_http::{TokenHash, TokenRule};

use crate::{
    args::{ConfigArgs, NewTokenArgs, RevokeArgs},
    clock::SystemClock,
    failure::Failure,
    print,
    settings::{self, Environment, NewToken, Settings, SettingsError},
};

/// Random bytes of a token: as many as its hash has, and far more than anybody can try.
const BYTES: usize = 32;

/// Makes a token, writes its hash into the configuration file, and prints it.
pub(crate) fn new(arguments: NewTokenArgs) -> Result<(), Failure> {
    let NewTokenArgs { config, name, mut scopes, expires } = arguments;
    scopes.sort_unstable();
    scopes.dedup();
    let expires = expires.map(|text| expiry(&text, SystemClock.now())).transpose()?;
    let token = random()?;
    let entry = NewToken { name, scopes, hash: TokenHash::of(&token), expires };
    let environment = Environment::of_process();
    let file = settings::with_token(&environment, config.as_deref(), &entry)?;
    let path = file.path.display();
    file.save().map_err(|error| Failure::new(&format!("{path} cannot be written"), &error))?;

    print(&format!("{token}\n"))?;
    let name = entry.name.trim();
    note(&format!(
        "This token of \"{name}\" is shown only now; {path} holds its hash alone.\n\
         A running server accepts it within seconds. Send it with each request:\n\
         Authorization: Bearer <the token>"
    ));
    Ok(())
}

/// Prints the tokens that the settings hold.
pub(crate) fn list(arguments: &ConfigArgs) -> Result<(), Failure> {
    let environment = Environment::of_process();
    let settings = Settings::load(&environment, arguments.config.as_deref(), Vec::new())?;
    let width = settings.auth.tokens.iter().map(|token| token.name.len()).max().unwrap_or_default();
    let now = SystemClock.now();
    let lines = settings.auth.tokens.iter().map(|TokenRule { name, scope, expires, .. }| {
        let expires = match expires {
            None => "never expires".to_owned(),
            Some(at) if *at <= now => {
                format!("expired {}", at.to_rfc3339_opts(SecondsFormat::Secs, true))
            }
            Some(at) => format!("expires {}", at.to_rfc3339_opts(SecondsFormat::Secs, true)),
        };
        format!("{name:width$}  {:5}  {expires}\n", scope.as_str())
    });
    print(&lines.collect::<String>())?;
    if settings.auth.tokens.is_empty() {
        note("There are no tokens: larder token new makes one.");
    }
    Ok(())
}

/// Removes a token from the configuration file.
pub(crate) fn revoke(arguments: &RevokeArgs) -> Result<(), Failure> {
    let (name, config) = (arguments.name.trim(), arguments.file.config.as_deref());
    let file = settings::without_token(&Environment::of_process(), config, name)?;
    let file = file.ok_or_else(|| {
        Failure::Running(format!(
            "the configuration file lists no token \"{name}\": larder token list shows those there are"
        ))
    })?;
    let path = file.path.display();
    file.save().map_err(|error| Failure::new(&format!("{path} cannot be written"), &error))?;
    note(&format!("The token \"{name}\" is revoked. A running server refuses it within seconds."));
    Ok(())
}

/// Says something to a person, beside the output. That nobody reads it is no failure.
fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn expiry(text: &str, now: Timestamp) -> Result<Timestamp, SettingsError> {
    settings::moment(text, now)
        .and_then(|at| if at > now { Ok(at) } else { Err(format!("\"{text}\" is over")) })
        .map_err(|reason| SettingsError::of_flag("the end of the token", &reason, "--expires"))
}

fn random() -> Result<String, Failure> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::new("the system gives no random bytes", &error))?;
    Ok(format!("larder_{}", URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_long_and_never_the_same() {
        let (one, other) = (random().unwrap(), random().unwrap());
        assert_eq!((one.len(), one.starts_with("larder_")), (50, true));
        assert_ne!(one, other);
    }
}
