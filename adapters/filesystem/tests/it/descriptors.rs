//! The writer's sources themselves.

use std::{fs, path::Path};

/// Calls that look a file up by a path of the disk, where a part of it may have become a link since it
/// was checked. `canonicalize` is none of them: it gives a name, and what it names is opened strictly.
const BY_PATH: [&str; 14] = [
    "fs::read_dir(",
    "fs::metadata(",
    "fs::symlink_metadata(",
    "fs::remove_",
    "fs::rename(",
    "fs::read(",
    "fs::read_to_string(",
    "fs::write(",
    "fs::copy(",
    "fs::create_dir",
    "fs::set_permissions(",
    "File::open(",
    "File::create",
    "OpenOptions",
];

#[test]
fn the_writer_opens_and_removes_files_by_descriptor_alone() {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut seen = 0;
    for directory in ["write", "project"] {
        for entry in fs::read_dir(sources.join(directory)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            // Tests, and the key, which is in the user's data directory.
            if ["tests.rs", "overtaken.rs", "unproven.rs", "key.rs"].contains(&name.as_str()) {
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            for call in BY_PATH {
                assert!(!code.contains(call), "{directory}/{name}: {call}");
            }
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen} files");
}
