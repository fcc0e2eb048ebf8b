//! A program that knows nothing of Larder and saves by rename, as editors do.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// One read, change and rename.
#[derive(Debug)]
pub(super) struct Save {
    pub(super) read: Vec<u8>,
    pub(super) wrote: Vec<u8>,
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Saves {
    pub(super) saves: Vec<Save>,
    /// How often the program read what a write was about to take back. See `settled`.
    pub(super) unsettled: usize,
}

/// The line that a save adds to the body.
pub(super) fn marker(number: usize) -> String {
    format!("Foreign save {number}.\n")
}

/// Adds a line each time, until it is told to stop.
pub(super) fn save_again_and_again(path: &Path, going: &AtomicBool) -> Saves {
    let draft = path.with_extension("md.draft");
    let mut done = Saves::default();
    while going.load(Ordering::Relaxed) {
        let number = done.saves.len();
        let read = settled(path, &mut done);
        let wrote = [&*read, marker(number).as_bytes()].concat();
        fs::write(&draft, &wrote).unwrap();
        fs::rename(&draft, path).unwrap();
        done.saves.push(Save { read, wrote });
        // In a burst most saves fall into a write that is under way, several of them into the same
        // one; between bursts edits succeed.
        let pause = match number / 64 % 2 {
            0 if number.is_multiple_of(4) => 1 + number * 7 % 5,
            0 => 0,
            _ => number % 4 / 3 * (50 + number * 37 % 100),
        };
        thread::sleep(Duration::from_millis(pause as u64));
    }
    done
}

/// The file, with this program's own last save in it. A write that finds that somebody saved in
/// between has put its content in place already, for the moment that it takes to look at what came
/// out and to put that back. Who reads in that moment does not find its own last save; it must be
/// there again at once.
fn settled(path: &Path, done: &mut Saves) -> Vec<u8> {
    /// A thousand times what the return takes.
    const TRIES: usize = 2_000;
    let last = done.saves.len().checked_sub(1).map(marker).unwrap_or_default();
    for at in 0..TRIES {
        let read = fs::read(path).unwrap();
        if str::from_utf8(&read).unwrap().ends_with(&last) {
            return read;
        }
        done.unsettled += usize::from(at == 0);
        thread::sleep(Duration::from_millis(1));
    }
    panic!("{last:?} was overwritten");
}
