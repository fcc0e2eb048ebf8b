//! `larder.toml` as a file: where it lies, what it says, and how it is written.

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, fchown},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::{
    file,
    layers::{Layers, Origin, SettingsError},
    places::Places,
    values,
};

/// What an error calls it.
const NAME: &str = "the configuration file";

/// A configuration file and its text.
pub(crate) struct ConfigFile {
    /// Where it lies, or will.
    pub(crate) path: PathBuf,
    /// What it says; nothing if it is not there yet.
    pub(crate) text: String,
    /// Held from reading to saving by who is going to change it.
    _turn: Option<File>,
}

impl ConfigFile {
    /// The one that the flag asks for, which must be there; else the usual one, if there is one.
    pub(super) fn find(flag: Option<&str>, places: &Places) -> Result<Option<Self>, SettingsError> {
        match place(flag, places)? {
            Some(path) if path.exists() => Self::read(path).map(Some),
            Some(path) if flag.is_some() => {
                let reason = format!("there is no file {}", path.display());
                Err(SettingsError::of_flag(NAME, &reason, "--config"))
            }
            _ => Ok(None),
        }
    }

    /// The same, to be written: one that is not there yet is empty.
    pub(super) fn find_or_new(flag: Option<&str>, places: &Places) -> Result<Self, SettingsError> {
        let Some(path) = place(flag, places)? else {
            let reason = "neither XDG_CONFIG_HOME nor HOME says where it lies: name it";
            return Err(SettingsError::of_flag(NAME, reason, "--config"));
        };
        let turn = turn(directory_of(&path)).map_err(|error| {
            let reason = format!("its directory cannot be locked: {error}");
            SettingsError::new(NAME, &reason, &Origin::File { path: path.clone(), line: 1 })
        })?;
        let file = if path.exists() {
            Self::read(path)?
        } else {
            Self { path, text: String::new(), _turn: None }
        };
        Ok(Self { _turn: turn, ..file })
    }

    fn read(path: PathBuf) -> Result<Self, SettingsError> {
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Self { path, text, _turn: None }),
            Err(error) => {
                let reason = format!("it cannot be read: {error}");
                Err(SettingsError::new(NAME, &reason, &Origin::File { path, line: 1 }))
            }
        }
    }

    /// Lays its settings over `layers`.
    pub(super) fn lay_over(&self, layers: &mut Layers) -> Result<(), SettingsError> {
        file::parse(&self.text, |line| Origin::File { path: self.path.clone(), line }, layers)
    }

    /// Writes it in one step, through a link to the file that it leads to, which keeps its owner and
    /// its mode. One that is new, and its directories, are for their owner alone.
    pub(crate) fn save(&self) -> io::Result<()> {
        if !self.path.exists() {
            let directory = directory_of(&self.path);
            DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
            return self
                .draft(directory)?
                .persist_noclobber(&self.path)
                .map(drop)
                .map_err(Into::into);
        }
        let path = self.path.canonicalize()?;
        let before = fs::metadata(&path)?;
        let draft = self.draft(directory_of(&path))?;
        fchown(draft.as_file(), Some(before.uid()), Some(before.gid()))?;
        draft.as_file().set_permissions(before.permissions())?;
        draft.persist(&path).map(drop).map_err(Into::into)
    }

    fn draft(&self, directory: &Path) -> io::Result<NamedTempFile> {
        let mut draft = NamedTempFile::new_in(directory)?;
        draft.write_all(self.text.as_bytes())?;
        draft.as_file().sync_all()?;
        Ok(draft)
    }
}

/// Waits for the turn to read and write in a directory: two who add something at the same time must
/// not lose one of both. In one that is not there yet only one of them can make the file.
fn turn(directory: &Path) -> io::Result<Option<File>> {
    if !directory.exists() {
        return Ok(None);
    }
    let directory = File::open(directory)?;
    directory.lock()?;
    Ok(Some(directory))
}

/// Where it lies: where the flag says, else in the usual place, if there is one.
pub(super) fn place(flag: Option<&str>, places: &Places) -> Result<Option<PathBuf>, SettingsError> {
    let Some(text) = flag else { return Ok(places.config_file()) };
    let path = values::path(text, Path::new(""), places.home());
    path.map(Some).map_err(|reason| SettingsError::of_flag(NAME, &reason, "--config"))
}

fn directory_of(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new("/"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_file_and_its_directory_are_for_their_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("larder/larder.toml");
        let file = ConfigFile { path: path.clone(), text: "a = 1\n".to_owned(), _turn: None };
        file.save().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a = 1\n");
        assert_eq!((mode(&path), mode(&home.path().join("larder"))), (0o600, 0o700));
    }

    #[test]
    fn a_link_stays_and_what_it_leads_to_keeps_its_mode() {
        let home = tempfile::tempdir().unwrap();
        let (target, link) = (home.path().join("dotfiles/larder.toml"), home.path().join("link"));
        fs::create_dir(home.path().join("dotfiles")).unwrap();
        fs::write(&target, "").unwrap();
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("dotfiles/larder.toml", &link).unwrap();
        ConfigFile { path: link.clone(), text: "a = 1\n".to_owned(), _turn: None }.save().unwrap();
        assert!(link.is_symlink());
        assert_eq!(
            (fs::read_to_string(&target).unwrap().as_str(), mode(&target)),
            ("a = 1\n", 0o640)
        );
        let left = fs::read_dir(target.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "no draft is left");
    }

    #[test]
    fn what_a_link_to_nothing_leads_to_is_not_guessed() {
        let home = tempfile::tempdir().unwrap();
        let link = home.path().join("larder.toml");
        symlink("nowhere/larder.toml", &link).unwrap();
        let file = ConfigFile { path: link.clone(), text: "a = 1\n".to_owned(), _turn: None };
        assert_eq!(file.save().unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert!(link.is_symlink());
    }
}
