use crate::binary::Home;

#[test]
fn larder_alone_prints_help() {
    let outcome = Home::new().run(&[]);
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stdout.contains("serve") && outcome.stdout.contains("migrate"));
    assert!(!outcome.stdout.contains('\u{1b}'), "no colours where nobody sees them");
    assert_eq!(outcome.stderr, "");
    assert_eq!(outcome.stdout, Home::new().run(&["--help"]).stdout);
}

#[test]
fn help_takes_the_name_of_a_command() {
    let outcome = Home::new().run(&["help", "serve"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert!(outcome.stdout.contains("--collections"), "{}", outcome.stdout);
}

#[test]
fn the_version_is_that_of_the_build() {
    let outcome = Home::new().run(&["--version"]);
    assert_eq!(outcome.stdout, concat!("larder ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_word_that_is_no_command_exits_with_2() {
    let outcome = Home::new().run(&["sevre"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("sevre"));
}

#[test]
fn openapi_prints_the_document_and_nothing_else() {
    let outcome = Home::new().run(&["openapi"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    let document: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert!(document["openapi"].is_string() && document["paths"].is_object());
}
