//! Disks that come and go below a source.

use std::{fs, path::Path, process::Command, sync::Arc, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    alive::{follow, until},
    changes::on_both,
    hostile_writes::own_mounts::{inside, mount},
    house::{Backend, House, skill, write},
};

const STATS: &str = "user-collections/cache-stats";

/// Unmounts once no scan has a file open there.
fn unmount(path: &Path) {
    let is_done = || Command::new("umount").arg(path).status().unwrap().success();
    let tries = 500;
    assert!(
        (0..tries).any(|_| is_done() || {
            thread::sleep(Duration::from_millis(20));
            false
        }),
        "something keeps {} busy",
        path.display()
    );
}

/// Mounts a part of the disk over a directory.
fn mount_over(part: &Path, directory: &Path) {
    mount(&["--bind", part.to_str().unwrap(), directory.to_str().unwrap()]);
}

/// A disk of its own below `files`.
fn disk(files: &Path) {
    let disk = files.join("disk");
    fs::create_dir(&disk).unwrap();
    mount(&["-t", "tmpfs", "tmpfs", disk.to_str().unwrap()]);
}

fn plain_of(stats: &Value) -> Value {
    let sources = stats["sources"].as_array().unwrap();
    sources.iter().find(|source| source["source_collection"] == "plain").unwrap().clone()
}

async fn until_guarded(house: &House) {
    until(house, STATS, |stats| plain_of(stats)["problem"].is_string()).await;
}

async fn until_described(house: &House, id: &str, text: &str) {
    until(house, &format!("artifacts/{id}"), |artifact| artifact["description"] == text).await;
}

async fn a_disk_that_is_unmounted_takes_no_artifact_and_is_followed_once_it_is_back(
    backend: Backend,
) {
    let name =
        "mounts::NAME::a_disk_that_is_unmounted_takes_no_artifact_and_is_followed_once_it_is_back";
    if !inside(&named(name, backend)) {
        return;
    }
    let files = Arc::new(tempfile::tempdir().unwrap());
    let (part, plain) = (files.path().join("disk/part"), files.path().join("plain"));
    disk(files.path());
    for n in 0..12 {
        write(&part, &format!("skills/s{n}/SKILL.md"), skill("On the disk."));
    }
    fs::create_dir(&plain).unwrap();
    mount_over(&part, &plain);
    let house = House::open(&files, backend).await;
    let watch = follow(&house).await;

    unmount(&plain);
    until_guarded(&house).await;
    // The bare mount point is as good as empty, whatever somebody writes there.
    write(&plain, ".larder/lock", "");
    write(&plain, "skills/stray/SKILL.md", skill("On no disk."));
    assert_eq!(house.refresh("plain").await["status"], "guarded");
    assert_eq!(house.get("artifacts").await["page_info"]["total_count"], 12);

    write(&part, "skills/s1/SKILL.md", skill("Changed while it was away."));
    mount_over(&part, &plain);
    until_described(&house, "skill:s1", "Changed while it was away.").await;
    write(&plain, "skills/s2/SKILL.md", skill("Changed now that it is back."));
    until_described(&house, "skill:s2", "Changed now that it is back.").await;
    let stats = plain_of(&house.get(STATS).await);
    assert_eq!((&stats["watch"], &stats["problem"]), (&json!("events"), &json!(null)));
    watch.abort();
    house.close().await;
}

async fn what_is_mounted_over_a_directory_is_found_and_followed_until_it_is_unmounted(
    backend: Backend,
) {
    let name = "mounts::NAME::what_is_mounted_over_a_directory_is_found_and_followed_until_it_is_unmounted";
    if !inside(&named(name, backend)) {
        return;
    }
    let files = Arc::new(tempfile::tempdir().unwrap());
    // On the same disk: no device number differs.
    let (part, nested) = (files.path().join("part"), files.path().join("plain/nested"));
    for n in 0..12 {
        write(&part, &format!("skills/s{n}/SKILL.md"), skill("Mounted."));
    }
    write(files.path(), "plain/skills/own/SKILL.md", skill("Not mounted."));
    fs::create_dir_all(&nested).unwrap();
    let house = House::open(&files, backend).await;
    let watch = follow(&house).await;

    mount_over(&part, &nested);
    until(&house, "artifacts", |page| page["page_info"]["total_count"] == 13).await;
    write(&nested, "skills/s2/SKILL.md", skill("Changed where it is mounted."));
    until_described(&house, "skill:nested:s2", "Changed where it is mounted.").await;

    unmount(&nested);
    until_guarded(&house).await;
    assert_eq!(house.get("artifacts").await["page_info"]["total_count"], 13);
    mount_over(&part, &nested);
    until(&house, STATS, |stats| plain_of(stats)["problem"].is_null()).await;
    watch.abort();
    house.close().await;
}

/// The name of a test for that database.
fn named(test: &str, backend: Backend) -> String {
    let backend = match backend {
        Backend::Sqlite => "sqlite",
        Backend::Postgres => "postgres",
    };
    test.replace("NAME", backend)
}

on_both! {
    a_disk_that_is_unmounted_takes_no_artifact_and_is_followed_once_it_is_back
    what_is_mounted_over_a_directory_is_found_and_followed_until_it_is_unmounted
}
