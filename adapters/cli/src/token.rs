//! `larder token`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use larder::{domain::Timestamp, ports::Clock};
use larder_http::TokenHash;

use crate::{
    args::NewTokenArgs,
    clock::SystemClock,
    failure::Failure,
    print,
    settings::{self, Environment, NewToken, SettingsError},
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
    eprintln!("This token of \"{name}\" is shown only now; {path} holds its hash alone.");
    eprintln!(
        "It is accepted once larder serve has been started again. Send it with each request:"
    );
    eprintln!("Authorization: Bearer <the token>");
    Ok(())
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
