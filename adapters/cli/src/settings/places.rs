//! Where a person's files lie.

use std::path::{Path, PathBuf};

use larder_filesystem::{FileSystemConfig, PlainDirectory};

use super::environment::Environment;

/// The directories that defaults are made of, by the XDG base directory specification.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    home: Option<PathBuf>,
    config: Option<PathBuf>,
    data: Option<PathBuf>,
}

impl Places {
    /// As the environment says.
    pub(super) fn of(environment: &Environment) -> Self {
        let home = environment.absolute_path("HOME");
        let place = |variable: &str, below_home: &str| {
            let by_default = || home.as_ref().map(|home| home.join(below_home));
            environment.absolute_path(variable).or_else(by_default).map(|dir| dir.join("larder"))
        };
        Self {
            config: place("XDG_CONFIG_HOME", ".config"),
            data: place("XDG_DATA_HOME", ".local/share"),
            home,
        }
    }

    /// What `~` stands for.
    pub(super) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// Where `larder.toml` lies unless a flag names another file.
    pub(super) fn config_file(&self) -> Option<PathBuf> {
        self.config.as_ref().map(|dir| dir.join("larder.toml"))
    }

    /// Where Larder keeps what it makes; `None` when neither `XDG_DATA_HOME` nor `HOME` is set.
    pub(crate) fn data_directory(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// The sources that people have without configuring any: those of the usual places that exist.
    pub(super) fn usual_sources(&self) -> FileSystemConfig {
        let existing = |below_home: &str| {
            self.home.as_ref().map(|home| home.join(below_home)).filter(|path| path.is_dir())
        };
        let claude = existing(".claude").map(|path| PlainDirectory {
            name: "claude".to_owned(),
            path,
            kind: None,
        });
        FileSystemConfig {
            collections: [".larder/collections", ".skillmeat/collections"]
                .into_iter()
                .filter_map(existing)
                .collect(),
            directories: claude.into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xdg_directories_win_over_home_unless_they_are_relative() {
        let environment = Environment::of(&[
            ("HOME", "/home/ada"),
            ("XDG_CONFIG_HOME", "/etc/ada"),
            ("XDG_DATA_HOME", "data"),
        ]);
        let places = Places::of(&environment);
        assert_eq!(places.config_file().unwrap(), Path::new("/etc/ada/larder/larder.toml"));
        assert_eq!(places.data_directory().unwrap(), Path::new("/home/ada/.local/share/larder"));
    }

    #[test]
    fn without_a_home_there_are_no_places() {
        let places = Places::of(&Environment::default());
        assert_eq!((places.config_file(), places.data_directory()), (None, None));
    }

    #[test]
    fn the_usual_sources_are_those_that_exist() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().to_str().unwrap();
        let places = Places::of(&Environment::of(&[("HOME", path)]));
        assert!(places.usual_sources().collections.is_empty());
        for dir in [".claude", ".skillmeat/collections"] {
            std::fs::create_dir_all(home.path().join(dir)).unwrap();
        }
        let sources = places.usual_sources();
        assert_eq!(sources.collections, [home.path().join(".skillmeat/collections")]);
        assert_eq!(sources.directories[0].name, "claude");
    }
}
