//! A race for the files outside: one thread exchanges directories of a collection and a project with
//! links to a bait, while the real adapter deploys, edits, creates, deletes and sweeps.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use larder::{
    domain::{
        collection::{Layout, Source},
        deployment::{Action, DeployStrategy, SyncStrategy},
        edit::{Change, Field, MetadataEdit},
        id::{ArtifactId, SourceName},
        new_artifact::NewArtifact,
        writing::{Place, Precondition},
    },
    ports::{ArtifactDeployer, ArtifactWriter, Project, WriteError},
    testing::{FakeClock, at},
};
use larder_filesystem::{FileSystem, FileSystemConfig};
use rustix::fs::{CWD, Mode, OFlags, RenameFlags, ResolveFlags, openat2, renameat, renameat_with};
use tempfile::TempDir;

/// The text of every file of the bait.
const SECRET: &str = "---\ndescription: told nowhere\n---\n";

/// Trash ids of the year 1970, so that every sweep takes them.
fn old_names() -> impl Iterator<Item = String> {
    (0..4).map(|nth| format!("000000000100000000000000{nth:02}"))
}

/// How deep all this lies: the longer a path takes to be looked up, the later its end may be changed.
const DEPTH: usize = 20;

/// How many roots of projects there are beside the right one, which are looked at first.
const OTHER_ROOTS: usize = 8;

/// The exchanged directories, each with the directory of the bait that its link leads to.
const SWAPPED: [(&str, &str); 8] = [
    ("projects/shop", "bait/shop"),
    ("projects/shop/.claude", "bait/shop/.claude"),
    ("projects/shop/.claude/skills", "bait/shop/.claude/skills"),
    ("collections/work/skills", "bait/skills"),
    ("collections/work/skills/pdf", "bait/skills/pdf"),
    ("collections/work/.larder", "bait/state"),
    ("collections/work/.larder/trash", "bait/state/trash"),
    ("collections/work/.larder/staged", "bait/state/staged"),
];

/// After so many operations another directory is exchanged: every kind of operation comes twice.
const PHASE: u64 = 16;

const MANIFEST: &str = "[collection]\nname = \"work\"\n\n[[artifacts]]\nname = \"pdf\"\n\
                        type = \"skill\"\npath = \"skills/pdf\"\n";

/// The operations of a race: how many succeeded and how many were refused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Operations that did what they were asked for.
    pub done: u64,
    /// Operations that met a link in their way, or files that were not there.
    pub refused: u64,
}

impl Tally {
    /// All operations.
    #[must_use]
    pub fn total(self) -> u64 {
        self.done + self.refused
    }
}

/// Runs operations one after the other as long as `goes_on` says so.
///
/// # Panics
/// When anything of the bait was changed, removed, or copied into the collection or the project; the
/// message says which files.
pub async fn race(goes_on: impl Fn(Tally) -> bool) -> Tally {
    let world = World::new();
    let before = snapshot(&world.path("bait"));
    let swapper = Swapper::start(&world.root);
    let mut tally = Tally::default();
    while goes_on(tally) {
        swapper.turn_to(tally.total() / PHASE);
        match world.operation(tally.total()).await {
            Ok(()) => tally.done += 1,
            Err(_) => tally.refused += 1,
        }
    }
    drop(swapper);
    assert_eq!(changes(&before, &snapshot(&world.path("bait"))), Vec::<String>::new(), "{tally:?}");
    for inside in ["collections", "projects", "aside"] {
        let copied: Vec<String> = snapshot(&world.path(inside))
            .into_iter()
            .filter(|(_, content)| content == SECRET)
            .map(|(path, _)| format!("{inside}/{path}"))
            .collect();
        assert_eq!(copied, Vec::<String>::new(), "copied from outside, {tally:?}");
    }
    tally
}

/// A collection and a project, and the bait beside them.
struct World {
    _files: TempDir,
    root: PathBuf,
    /// The root, opened.
    directory: File,
    adapter: FileSystem,
    clock: Arc<FakeClock>,
    source: Source,
}

impl World {
    fn new() -> Self {
        let files = tempfile::tempdir().expect("a directory");
        // So deep that it takes a while to look a path up.
        let root = files.path().join("d/".repeat(DEPTH));
        for (path, text) in [
            ("collections/work/collection.toml", MANIFEST),
            ("collections/work/skills/pdf/SKILL.md", "---\ndescription: d\n---\n"),
            ("collections/work/skills/pdf/references/forms.md", "Forms.\n"),
            ("collections/work/.larder/trash/kept/record.json", "{}"),
            ("collections/work/.larder/staged/left/a/b.md", "Left.\n"),
            ("projects/shop/README.md", "A shop.\n"),
            ("projects/shop/.claude/skills/own/SKILL.md", "Own.\n"),
            ("bait/shop/README.md", SECRET),
            ("bait/shop/.claude/skills/pdf/SKILL.md", SECRET),
            ("bait/shop/.claude/skills/pdf/bait.md", SECRET),
            ("bait/shop/.claude/skills/pdf/references/forms.md", SECRET),
            ("bait/skills/pdf/SKILL.md", SECRET),
            ("bait/skills/pdf/bait.md", SECRET),
            ("bait/skills/pdf/references/forms.md", SECRET),
            ("bait/state/staged/left/a/b.md", SECRET),
            ("bait/state/staged/x.md", SECRET),
        ] {
            write(&root.join(path), text);
        }
        for name in old_names() {
            write(&root.join(format!("bait/state/trash/{name}/files/x/SKILL.md")), SECRET);
        }
        fs::create_dir(root.join("aside")).expect("a directory");
        let clock = Arc::new(FakeClock::at(at(0)));
        let collections = vec![root.join("collections")];
        let config = FileSystemConfig { collections, directories: Vec::new() };
        let adapter = FileSystem::new(config, Arc::clone(&clock) as _);
        let source = Source {
            name: SourceName::new("work").expect("a name"),
            root: root.join("collections/work").to_string_lossy().into_owned(),
            layout: Layout::Managed,
        };
        let directory = File::open(&root).expect("a directory");
        Self { _files: files, root, directory, adapter, clock, source }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    fn place(&self, id: &str) -> Place {
        let id = ArtifactId::parse(id).expect("an id");
        Place { source: self.source.clone(), id, path: String::new() }
    }

    async fn operation(&self, number: u64) -> Result<(), WriteError> {
        self.clock.advance(Duration::from_secs(1));
        let name = format!("a{}", number / 8);
        match number % 8 {
            0 => self.transfer(Action::Deploy(DeployStrategy::Overwrite)).await,
            1 => self.edit(number).await,
            2 => self.transfer(Action::Deploy(DeployStrategy::Merge)).await,
            3 => self.create(&name).await,
            4 => self.transfer(Action::Sync(SyncStrategy::Theirs)).await,
            5 => {
                let place = self.place(&format!("agent:{name}"));
                self.adapter.delete(&place, &Precondition::any(), "local").await.map(drop)
            }
            6 => self.transfer(Action::Undeploy).await,
            _ => {
                self.put_into_trash(number);
                self.adapter.tidy(&self.source, Duration::ZERO).await
            }
        }
    }

    /// Puts old items into the trash, unless a link is in the way.
    fn put_into_trash(&self, number: u64) {
        let trash = openat2(
            &self.directory,
            "collections/work/.larder/trash",
            OFlags::PATH | OFlags::DIRECTORY,
            Mode::empty(),
            ResolveFlags::NO_SYMLINKS,
        );
        let Ok(trash) = trash else { return };
        for (nth, name) in old_names().enumerate() {
            let item = self.path(&format!("aside/item-{number}-{nth}"));
            write(&item.join("files/x/SKILL.md"), "Deleted.\n");
            let _ = renameat(CWD, &item, &trash, name);
        }
    }

    async fn transfer(&self, action: Action) -> Result<(), WriteError> {
        let roots = std::iter::repeat_n("collections", OTHER_ROOTS).chain(["projects"]);
        let within = roots.map(|root| self.path(root).to_string_lossy().into_owned()).collect();
        let path = self.path("projects/shop").to_string_lossy().into_owned();
        let project = Project { path, within: Some(within) };
        let place = self.place("skill:pdf");
        self.adapter.transfer(&place, &project, action, "local").await.map(drop)
    }

    async fn edit(&self, number: u64) -> Result<(), WriteError> {
        let change = Change::Text(format!("Description {number}."));
        let edit = MetadataEdit::new([(Field::Description, change)]).expect("an edit");
        let place = self.place("skill:pdf");
        self.adapter.edit(&place, &edit, &Precondition::any(), "local").await.map(drop)
    }

    async fn create(&self, name: &str) -> Result<(), WriteError> {
        let metadata = MetadataEdit::new([(Field::Description, Change::Text("d".into()))]);
        let new = NewArtifact::new("agent", name, metadata, Vec::new(), "Body.\n".into());
        self.adapter.create(&self.source, &new.expect("an agent"), "local").await.map(drop)
    }
}

/// Exchanges one directory with a link, back and forth, until it is dropped; then all directories are
/// in place.
struct Swapper {
    /// Which one: an index into [`SWAPPED`], or none if there is no such element.
    target: Arc<AtomicUsize>,
    ends: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Swapper {
    fn start(root: &Path) -> Self {
        let (target, ends) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (root, its_target, its_end) = (root.to_owned(), Arc::clone(&target), Arc::clone(&ends));
        let thread = thread::spawn(move || {
            while !its_end.load(Ordering::Relaxed) {
                let target = its_target.load(Ordering::Relaxed);
                match SWAPPED.get(target) {
                    Some((place, bait)) => {
                        let aside = root.join(format!("aside/{target}"));
                        swap(&root.join(place), &root.join(bait), &aside);
                    }
                    None => thread::yield_now(),
                }
                pause();
            }
        });
        Self { target, ends, thread: Some(thread) }
    }

    /// Goes on to the directory of that phase. In one phase of each round writers are left in peace,
    /// so that they finish what they had to leave.
    fn turn_to(&self, phase: u64) {
        let count = SWAPPED.len() as u64 + 1;
        let target = usize::try_from(phase % count).unwrap_or_default();
        self.target.store(target, Ordering::Relaxed);
    }
}

/// Puts the link that waits aside in the place of a directory for some microseconds.
fn swap(place: &Path, bait: &Path, aside: &Path) {
    if !aside.is_symlink() {
        let _ = symlink(bait, aside);
    }
    if exchange(aside, place) {
        pause();
        // A writer may have removed the link.
        if !exchange(aside, place) {
            let _ = fs::rename(aside, place);
        }
    }
}

/// As long as the steps take between which a writer could be deceived, or longer.
fn pause() {
    let most = 1_u32 << fastrand::u32(4..14);
    for _ in 0..fastrand::u32(..most) {
        std::hint::spin_loop();
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the swapper");
        }
    }
}

/// Whether both paths now hold what the other one held.
fn exchange(one: &Path, other: &Path) -> bool {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok()
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, text).expect("a file");
}

/// The files, directories and links below a directory, each with what it holds.
fn snapshot(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(root).expect("below the root").display().to_string();
            let content = if path.is_symlink() {
                "a link".to_owned()
            } else if path.is_dir() {
                directories.push(path);
                "a directory".to_owned()
            } else {
                String::from_utf8_lossy(&fs::read(path).expect("a file")).into_owned()
            };
            found.insert(name, content);
        }
    }
    found
}

/// The paths whose content differs.
fn changes(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<String> {
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    paths.into_iter().filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
}
