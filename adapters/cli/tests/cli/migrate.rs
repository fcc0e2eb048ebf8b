use crate::binary::Home;

#[test]
fn the_schema_goes_up_and_down_step_by_step() {
    let home = Home::new();
    let run = |step| {
        let outcome = home.run(&["migrate", step, "--database", "sqlite://shelf/larder.db"]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
        outcome.stdout
    };
    let states = |state: &str| run("status").lines().filter(|line| line.ends_with(state)).count();

    let total = run("status").lines().count();
    assert!(total >= 3 && states("missing") == total);
    assert_eq!(run("up").lines().filter(|line| line.ends_with("  applied")).count(), total);
    assert_eq!(states("applied"), total);
    assert_eq!(run("up"), "nothing to do\n");

    let down = run("down");
    assert!(
        down.starts_with(&format!("{total:04}  ")) && down.ends_with("  taken back\n"),
        "{down}"
    );
    assert_eq!((states("applied"), states("missing")), (total - 1, 1));
    for _ in 1..total {
        assert!(run("down").ends_with("  taken back\n"));
    }
    assert_eq!(run("down"), "nothing to do\n");
    assert!(home.path().join("shelf/larder.db").exists());
}

#[test]
fn a_database_out_of_reach_is_one_line() {
    let outcome =
        Home::new().run(&["migrate", "status", "--database=postgres://ada:s3cret@127.0.0.1:1/x"]);
    outcome.failed(1, &["postgres://ada@127.0.0.1:1/x cannot be opened"]);
}

#[test]
fn a_damaged_database_is_one_line_that_says_what_to_do() {
    let home = Home::new();
    home.write("larder.db", &"no database, and long enough to look at".repeat(100));
    let outcome = home.run(&["migrate", "status", "--database", "sqlite://larder.db"]);
    outcome.failed(
        1,
        &["larder.db cannot be opened", "damaged: delete it", "curated", "larder export"],
    );
}
