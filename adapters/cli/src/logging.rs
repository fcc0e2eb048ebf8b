//! The log, on stderr.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::{
    failure::Failure,
    settings::{Environment, LogFormat, SettingsError},
};

/// What is logged unless `LARDER_LOG` says otherwise. The server's own lines on its start and end
/// would repeat ours.
const DEFAULT_FILTER: &str = "info,sqlx=warn,poem=warn";

/// Starts the log: in this form, and of the levels that `LARDER_LOG` asks for.
pub(crate) fn start(format: LogFormat, environment: &Environment) -> Result<(), Failure> {
    let filter = filter(environment)?;
    let on_terminal = io::stderr().is_terminal();
    let coloured = on_terminal && environment.text("NO_COLOR")?.is_none();
    let as_json = match format {
        LogFormat::Auto => !on_terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if as_json {
        log.json().flatten_event(true).with_current_span(false).init();
    } else {
        log.with_ansi(coloured).init();
    }
    Ok(())
}

/// The directives of `LARDER_LOG` after the default ones, so that `debug` alone does not bring the
/// statements of the database along.
fn filter(environment: &Environment) -> Result<EnvFilter, SettingsError> {
    const VARIABLE: &str = "LARDER_LOG";
    let directives = match environment.text(VARIABLE)? {
        Some(own) => format!("{DEFAULT_FILTER},{own}"),
        None => DEFAULT_FILTER.to_owned(),
    };
    EnvFilter::builder()
        .parse(directives)
        .map_err(|error| SettingsError::of_variable(VARIABLE, &error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(directives: &str) -> String {
        filter(&Environment::of(&[("LARDER_LOG", directives)])).unwrap().to_string()
    }

    #[test]
    fn a_level_for_all_leaves_the_database_quiet() {
        assert!(shown("debug").contains("sqlx=warn"));
        assert!(shown("debug").ends_with("debug"));
        assert!(shown("sqlx=debug").contains("sqlx=debug"));
    }

    #[test]
    fn a_directive_that_is_none_is_told_by_the_variable() {
        let error = filter(&Environment::of(&[("LARDER_LOG", "larder=loud")])).unwrap_err();
        assert!(error.to_string().starts_with("LARDER_LOG: "), "{error}");
    }
}
