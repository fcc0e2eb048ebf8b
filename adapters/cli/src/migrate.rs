//! `larder migrate`.

use std::fmt::Write;

use larder::ports::{Migration, RepositoryError, SchemaMigrations};

use crate::{args::Step, compose::Database, failure::Failure, print, settings::Settings};

/// Moves the schema by a step and prints what came of it.
pub(crate) async fn migrate(settings: &Settings, step: Step) -> Result<(), Failure> {
    let database = Database::open(settings).await?;
    let outcome = take(step, &*database.schema).await;
    database.close().await;
    let lines = outcome.map_err(|error| {
        Failure::new(&format!("the schema of {} was not moved", settings.database), &error)
    })?;
    print(&lines)
}

async fn take(step: Step, schema: &dyn SchemaMigrations) -> Result<String, RepositoryError> {
    let lines = match step {
        Step::Up => listed(&schema.up().await?, |_| "applied"),
        Step::Down => listed(schema.down().await?.as_slice(), |_| "taken back"),
        Step::Status => {
            listed(&schema.status().await?, |it| if it.applied { "applied" } else { "missing" })
        }
    };
    Ok(if lines.is_empty() { "nothing to do\n".to_owned() } else { lines })
}

/// A line a migration, the words for their states below each other.
fn listed(migrations: &[Migration], state: impl Fn(&Migration) -> &'static str) -> String {
    let width = migrations.iter().map(|it| it.name.chars().count()).max().unwrap_or(0);
    migrations.iter().fold(String::new(), |mut lines, it| {
        let Migration { version, name, .. } = it;
        let _ = writeln!(lines, "{version:04}  {name:width$}  {}", state(it));
        lines
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_stand_below_each_other() {
        let migration = |version, name: &str, applied| {
            let name = name.to_owned();
            Migration { version, name, applied }
        };
        let migrations = [migration(1, "collections", true), migration(2, "search", false)];
        assert_eq!(
            listed(&migrations, |it| if it.applied { "applied" } else { "missing" }),
            "0001  collections  applied\n0002  search       missing\n"
        );
        assert_eq!(listed(&[], |_| "applied"), "");
    }
}
