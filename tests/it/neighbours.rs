//! What somebody does to one artifact is no reason to refuse an edit of another one.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::json;

use crate::{
    changes::on_both,
    house::{Backend, House, managed},
};

const EDITS: usize = 20;

async fn a_save_of_another_entry_does_not_refuse_an_edit(backend: Backend) {
    let files = Arc::new(tempfile::tempdir().unwrap());
    managed(files.path(), "work", 2);
    let house = House::open(&files, backend).await;
    let manifest = files.path().join("collections/work/collection.toml");
    let ends = Arc::new(AtomicBool::new(false));
    let saver = thread::spawn({
        let (manifest, ends) = (manifest.clone(), Arc::clone(&ends));
        move || {
            let mut saves = 0;
            while !ends.load(Ordering::SeqCst) {
                let text = fs::read_to_string(&manifest).unwrap();
                let text = text.split("# Saved").next().unwrap();
                let aside = manifest.with_extension("saving");
                fs::write(&aside, format!("{text}# Saved {saves}.\n")).unwrap();
                fs::rename(&aside, &manifest).unwrap();
                saves += 1;
                thread::sleep(Duration::from_millis(2));
            }
            saves
        }
    });
    let mut accepted = 0;
    while accepted < EDITS {
        let now = house.get("artifacts/skill:s0").await;
        let body = json!({"description": format!("Edit {accepted}.")});
        let revision = now["revision"].as_str().unwrap();
        let answer = house.put("artifacts/skill:s0/metadata", Some(revision), &body).await;
        // A program that saves without a pause can keep Larder from its turn, and that is told.
        if answer.status == 503 {
            answer.problem(503, "busy");
            continue;
        }
        assert_eq!(answer.is(200)["description"], body["description"]);
        accepted += 1;
    }
    ends.store(true, Ordering::SeqCst);
    assert!(saver.join().unwrap() > EDITS, "somebody saved all the while");
    assert!(fs::read_to_string(&manifest).unwrap().contains("# Saved"));
    house.close().await;
}

on_both! { a_save_of_another_entry_does_not_refuse_an_edit }
