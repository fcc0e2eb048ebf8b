//! The log, on stderr.

use std::{
    fmt,
    io::{self, IsTerminal},
};

use tracing_appender::non_blocking::{NonBlocking, WorkerGuard};
use tracing_subscriber::{
    EnvFilter,
    field::MakeExt,
    fmt::format::{Writer, debug_fn},
};

use crate::{
    failure::Failure,
    settings::{Environment, LogFormat, SettingsError},
};

/// What is logged unless `LARDER_LOG` says otherwise. The server's own lines on its start and end
/// would repeat ours.
const DEFAULT_FILTER: &str = "info,sqlx=warn,poem=warn";

/// Starts the log: in this form, and of the levels that `LARDER_LOG` asks for. The log ends when the
/// returned guard is dropped, which writes the last lines.
///
/// A thread of its own writes the lines. When nobody reads them, or their disk is full, lines are
/// lost, and nothing else waits or fails.
pub(crate) fn start(format: LogFormat, environment: &Environment) -> Result<WorkerGuard, Failure> {
    let filter = filter(environment)?;
    let on_terminal = io::stderr().is_terminal();
    let coloured = on_terminal && environment.text("NO_COLOR")?.is_none();
    let as_json = match format {
        LogFormat::Auto => !on_terminal,
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let (writer, guard) = NonBlocking::new(io::stderr());
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .log_internal_errors(false);
    if as_json {
        log.json().flatten_event(true).with_current_span(false).init();
    } else {
        let fields = debug_fn(|line, field, value| write_field(line, field.name(), value));
        log.with_ansi(coloured).fmt_fields(fields.delimited(" ")).init();
    }
    Ok(guard)
}

/// Writes one field of a line of text. Names and texts in it come from files of other people: a
/// control character would move the cursor of a terminal, or forge a line.
fn write_field(line: &mut Writer<'_>, name: &str, value: &dyn fmt::Debug) -> fmt::Result {
    if name != "message" {
        write!(line, "{name}=")?;
    }
    for c in format!("{value:?}").chars() {
        if c.is_control() || is_bidirectional(c) {
            write!(line, "{}", c.escape_unicode())?;
        } else {
            line.write_char(c)?;
        }
    }
    Ok(())
}

/// Whether a character changes the order in which a terminal shows the others (Unicode Standard
/// Annex 9, section 2).
fn is_bidirectional(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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

/// What is odd about `LARDER_LOG`, a sentence each: a misspelt level selects a module that is not
/// there, and logs nothing of it.
pub(crate) fn odd_directives(environment: &Environment) -> Result<Vec<String>, SettingsError> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let directives = environment.text("LARDER_LOG")?.unwrap_or_default().split(',').map(str::trim);
    let odd = directives.filter(|it| {
        let is_word = !it.is_empty() && it.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        is_word && !it.starts_with("larder") && !LEVELS.contains(&it.to_lowercase().as_str())
    });
    let sentence = |it| {
        let levels = LEVELS.join(", ");
        format!("LARDER_LOG: \"{it}\" is not a level ({levels}), so it is taken as a module's name")
    };
    Ok(odd.map(sentence).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_moves_no_cursor_and_makes_no_line() {
        let mut line = String::new();
        let value = format_args!("a\u{1b}[2Kb\nERROR c\u{202e}d é");
        write_field(&mut Writer::new(&mut line), "path", &value).unwrap();
        assert_eq!(line, "path=a\\u{1b}[2Kb\\u{a}ERROR c\\u{202e}d é");
    }

    #[test]
    fn a_misspelt_level_is_odd() {
        let odd = |text| odd_directives(&Environment::of(&[("LARDER_LOG", text)])).unwrap().len();
        assert_eq!(
            [odd("wibble"), odd("Debug"), odd("warn,larder_http=trace"), odd("inof, larder")],
            [1, 0, 0, 1]
        );
    }

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
