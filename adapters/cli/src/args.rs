//! The command line.

use clap::{
    Parser, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use larder::domain::caller::Scope;

use crate::settings::{FlagValue, Flags};

/// A fast, always fresh catalogue of the artifacts that coding agents use.
#[derive(Debug, Parser)]
#[command(name = "larder", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API until SIGTERM or Ctrl-C
    Serve(Serve),
    /// Move the schema of the database
    Migrate(Migrate),
    /// Say who may call the API
    #[command(subcommand)]
    Token(TokenStep),
    /// Print the curated collections of a running server as JSON
    ///
    /// Members whose artifacts are gone at the moment are left out.
    Export(Export),
    /// Make the curated collections of an export on a running server, or add to them
    Import(Import),
    /// Print the OpenAPI document
    Openapi,
}

/// What every command that needs settings takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    /// The configuration file [default: larder/larder.toml in the XDG configuration directory]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<String>,
    /// The database: `sqlite:///path/to/file.db` or `postgres://user@host/name`
    #[arg(long, global = true, value_name = "URL")]
    database: Option<String>,
}

impl Common {
    /// The settings among these flags.
    pub(crate) fn flags(&self) -> Flags {
        one("database.url", "--database", self.database.as_ref()).into_iter().collect()
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) common: Common,
    /// The address and port to listen on, 0 for a free port [default: 127.0.0.1:7373]
    #[arg(long, value_name = "ADDR")]
    bind: Option<String>,
    /// A directory of source collections, each with a collection.toml; repeatable [default:
    /// `~/.larder/collections` and `~/.skillmeat/collections`]
    #[arg(long, value_name = "DIR")]
    collections: Vec<String>,
    /// A plain directory of artifacts; repeatable [default: `claude=~/.claude`]
    #[arg(long, value_name = "NAME=PATH[,kind=agent|command]")]
    directory: Vec<String>,
    /// Serve a small example collection, with a database of its own
    #[arg(long, conflicts_with_all = ["collections", "directory", "database"])]
    pub(crate) demo: bool,
}

impl Serve {
    /// The settings among these flags.
    pub(crate) fn flags(&self) -> Flags {
        let mut flags = self.common.flags();
        flags.extend(one("server.bind", "--bind", self.bind.as_ref()));
        flags.extend(many("collections", "--collections", &self.collections));
        flags.extend(many("directories", "--directory", &self.directory));
        flags
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) step: Step,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Step {
    /// Apply every migration that is missing
    Up,
    /// Take the last applied migration back
    Down,
    /// List the migrations and whether they are applied
    Status,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenStep {
    /// Make an access token, and print it this once; the configuration file gets its hash
    New(NewTokenArgs),
    /// List the tokens of the configuration file: name, scopes, expiry
    List(ConfigArgs),
    /// Remove a token from the configuration file: a running server refuses it within seconds
    Revoke(RevokeArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    /// The configuration file [default: larder/larder.toml in the XDG configuration directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    #[command(flatten)]
    pub(crate) file: ConfigArgs,
    /// The name of the token
    pub(crate) name: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct NewTokenArgs {
    /// The configuration file [default: larder/larder.toml in the XDG configuration directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<String>,
    /// Whose it is; no two tokens have the same name
    #[arg(long)]
    pub(crate) name: String,
    /// What it allows; repeatable. write includes read, and admin everything
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = scopes())]
    pub(crate) scopes: Vec<Scope>,
    /// When it ends: a time such as 2027-01-01T00:00:00Z, or how long it lasts, such as 30d
    /// [default: never]
    #[arg(long, value_name = "WHEN")]
    pub(crate) expires: Option<String>,
}

fn scopes() -> impl TypedValueParser<Value = Scope> {
    PossibleValuesParser::new(Scope::ALL.map(Scope::as_str)).try_map(|word| {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == word).ok_or("there is no such scope")
    })
}

/// What every command takes that asks a running server.
#[derive(Debug, clap::Args)]
pub(crate) struct Reach {
    /// The configuration file [default: larder/larder.toml in the XDG configuration directory]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<String>,
    /// The server [default: what `server.url` says, else `server.bind`]; its token is taken from
    /// `LARDER_TOKEN`
    #[arg(long, value_name = "URL")]
    server: Option<String>,
}

impl Reach {
    /// The settings among these flags.
    pub(crate) fn flags(&self) -> Flags {
        one("server.url", "--server", self.server.as_ref()).into_iter().collect()
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// A curated collection; repeatable [default: all of them]
    #[arg(long, value_name = "NAME")]
    pub(crate) collection: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(crate) reach: Reach,
    /// What `larder export` has printed; `-` for stdin
    pub(crate) file: String,
}

type Flag = (&'static str, &'static str, FlagValue);

fn one(key: &'static str, name: &'static str, given: Option<&String>) -> Option<Flag> {
    given.map(|text| (key, name, FlagValue::One(text.clone())))
}

fn many(key: &'static str, name: &'static str, given: &[String]) -> Option<Flag> {
    (!given.is_empty()).then(|| (key, name, FlagValue::Many(given.to_vec())))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }
}
