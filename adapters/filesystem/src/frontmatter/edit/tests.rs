use larder::domain::edit::{Change, Field};

use super::{edit, supplies};

fn text(text: &str) -> Change {
    Change::Text(text.to_owned())
}

fn list(items: &[&str]) -> Change {
    Change::List(items.iter().map(|item| (*item).to_owned()).collect())
}

/// Edits a block, and gives the block that comes of it, or the refusal's line and sentence.
fn block(block: &str, changes: &[(Field, Change)]) -> Result<String, (Option<u32>, String)> {
    let file = format!("---\n{block}---\nbody\n");
    let new = edit(file.as_bytes(), changes).map_err(|no| (no.line, no.message))?;
    let new = String::from_utf8(new).unwrap();
    Ok(new.strip_prefix("---\n").unwrap().strip_suffix("---\nbody\n").unwrap().to_owned())
}

fn set(old: &str, field: Field, change: Change) -> String {
    block(old, &[(field, change)]).unwrap()
}

fn clear(old: &str, field: Field) -> String {
    set(old, field, Change::Clear)
}

fn file(file: &str, field: Field, change: Change) -> String {
    String::from_utf8(edit(file.as_bytes(), &[(field, change)]).unwrap()).unwrap()
}

fn refused(file: &[u8], field: Field, change: Change) -> (Option<u32>, String) {
    let no = edit(file, &[(field, change)]).unwrap_err();
    assert!(no.message.starts_with("the frontmatter cannot be edited safely: "), "{no:?}");
    (no.line, no.message)
}

#[test]
fn a_value_is_replaced_where_it_is_supplied_and_the_comment_behind_it_stays() {
    let old = "# a\nauthor:   Bob \t # who\nx:  1\n";
    assert_eq!(set(old, Field::Author, text("Eve")), "# a\nauthor:   Eve \t # who\nx:  1\n");
    let nested = "metadata:\n    version: 1 # v\n    y: z\n";
    assert_eq!(
        set(nested, Field::Version, text("1.2.3")),
        "metadata:\n    version: 1.2.3 # v\n    y: z\n"
    );
    let flow = "metadata: {author: a, y: z} # m\n";
    assert_eq!(set(flow, Field::Author, text("a, b")), "metadata: {author: \"a, b\", y: z} # m\n");
    assert_eq!(set("\"author\" : x\n", Field::Author, text("z")), "\"author\" : z\n");
}

#[test]
fn a_value_keeps_its_quotes_and_gets_some_where_it_needs_them() {
    let new = |old: &str, new: &str| set(&format!("author: {old}\n"), Field::Author, text(new));
    assert_eq!(new("Bob", "yes"), "author: \"yes\"\n");
    assert_eq!(new("Bob", "a: b #c"), "author: \"a: b #c\"\n");
    assert_eq!(new("\"Bob\"", "Eve"), "author: \"Eve\"\n");
    assert_eq!(new("'Bob'", "it's"), "author: 'it''s'\n");
    assert_eq!(new("'Bob'", "a\u{2028}b"), "author: \"a\\U00002028b\"\n");
    assert_eq!(new("&a !!str Bob", "Eve"), "author: Eve\n");
}

#[test]
fn a_value_of_several_lines_becomes_one_line() {
    let new = |old: &str| set(old, Field::Description, text("new"));
    for sign in ["|", ">", ">-", "|+", ">2-", "&a |"] {
        let old = format!("description: {sign} # why\n    a\n\n    b\n\n# next\nx: 1\n");
        assert_eq!(new(&old), "description: new # why\n\n# next\nx: 1\n");
    }
    assert_eq!(new("description: a\n  b\n\n  c # d\nx: 1\n"), "description: new # d\nx: 1\n");
    assert_eq!(new("description:\n  'a\n  b'\nx: 1\n"), "description:\n  'new'\nx: 1\n");
    assert_eq!(new("description: >\nx: 1\n"), "description: new\nx: 1\n");
    assert_eq!(new("description: # c\n- a\n- b\nx: 1\n"), "description: new # c\nx: 1\n");
}

#[test]
fn a_text_of_several_lines_keeps_the_style_of_the_present_block() {
    let new = |old: &str, new: &str| set(old, Field::Description, text(new));
    for sign in ["|", "|-", "|+", "|2", "|2-"] {
        let old = format!("description: {sign} # why\n  a\n\n  b\n\n# next\nx: 1\n");
        let expected = format!("description: {sign} # why\n  c\n    d\n\n  e\n\n# next\nx: 1\n");
        assert_eq!(new(&old, "c\n  d\n\ne"), expected);
    }
    let old = "x: 1\ndescription: >-\n    a\n    b\n\n    c\n";
    assert_eq!(
        new(old, "c\n\nd\n  e\nf"),
        "x: 1\ndescription: >-\n    c\n\n\n    d\n      e\n    f\n"
    );
    let wide = "0123456789 ".repeat(10);
    let folded = new(old, &format!("{wide}\nd"));
    assert!(folded.lines().all(|line| line.len() <= 4 + 44), "{folded}");
    assert_eq!(new("description: |\nx: 1\n", "a\nb"), "description: |\n  a\n  b\nx: 1\n");
    let nested = "metadata:\n    description: >\n          a\n    y: z\n";
    assert_eq!(new(nested, "a\nb"), nested.replace("a\n", "a\n\n          b\n"));
}

#[test]
fn a_text_of_several_lines_becomes_a_literal_block_where_it_can() {
    let new = |old: &str| set(old, Field::Description, text("a\n- b: c\n\n  # d"));
    let block = "description: |-\n  a\n  - b: c\n\n    # d\n";
    for old in ["description: x\n", "description: \"x\"\n", "description: 'x\n  y'\n", ""] {
        assert_eq!(new(old), block, "{old}");
    }
    for old in ["description:\n  'x\n  y'\n", "description:\n  - x\n", "description: ~\n"] {
        assert_eq!(new(old), block, "{old}");
    }
    assert_eq!(new("description: &a x # why\ny: z\n"), block.replace("|-", "|- # why") + "y: z\n");
    assert_eq!(
        new("metadata:\n  description: x\n"),
        "metadata:\n".to_owned()
            + &block
                .lines()
                .map(|line| if line.is_empty() { "\n".to_owned() } else { format!("  {line}\n") })
                .collect::<String>()
    );
    let quoted = "\"a\\n- b: c\\n\\n  # d\"";
    assert_eq!(new("{description: x}\n"), format!("{{description: {quoted}}}\n"));
    // A block would take the comment below for its own.
    assert_eq!(
        new("description: x\n  # c\ny: z\n"),
        format!("description: {quoted}\n  # c\ny: z\n")
    );
    let crlf = file("---\r\nx: 1\r\n---\r\n", Field::Description, text("a\nb"));
    assert_eq!(crlf, "---\r\nx: 1\r\ndescription: |-\r\n  a\r\n  b\r\n---\r\n");
    let separator = set("", Field::Description, text("a\nb\u{2028}c"));
    assert_eq!(separator, "description: \"a\\nb\\U00002028c\"\n");
}

#[test]
fn a_new_key_comes_last_and_an_empty_one_is_filled() {
    let new = |old: &str| set(old, Field::License, text("MIT"));
    assert_eq!(new(""), "license: MIT\n");
    assert_eq!(new("# c\n"), "# c\nlicense: MIT\n");
    assert_eq!(new("x: |+\n  a\n\n# c\n\n"), "x: |+\n  a\n\n# c\n\nlicense: MIT\n");
    assert_eq!(new("  x: 1\n"), "  x: 1\n  license: MIT\n");
    assert_eq!(new("{x: 1}\n"), "{license: MIT, x: 1}\n");
    assert_eq!(new("license:  # c\nx: 1\n"), "license: MIT  # c\nx: 1\n");
    assert_eq!(new("license: ~\n"), "license: MIT\n");
    assert_eq!(new("license:\nmetadata: {license: a}\n"), "license:\nmetadata: {license: MIT}\n");
}

#[test]
fn of_a_map_the_name_is_set() {
    let new = |old: &str| set(old, Field::Author, text("Eve"));
    assert_eq!(
        new("author:\n  name: Bob # x\n  email: b\n"),
        "author:\n  name: Eve # x\n  email: b\n"
    );
    assert_eq!(new("author: {name: \"Bob\"}\n"), "author: {name: \"Eve\"}\n");
    assert_eq!(new("author:\n  email: b\n\nx: 1\n"), "author:\n  email: b\n  name: Eve\n\nx: 1\n");
    assert_eq!(new("author: {}\n"), "author: Eve\n");
    let (line, _) =
        block("x: &a {name: b}\nauthor: *a\n", &[(Field::Author, text("c"))]).unwrap_err();
    assert_eq!(line, Some(3));
}

#[test]
fn a_list_keeps_its_form_and_the_lines_of_the_items_that_stay() {
    let new = |old: &str| set(old, Field::Tags, list(&["c", "a", "d, e"]));
    assert_eq!(new("tags: [a, 'b', c] # t\n"), "tags: [c, a, \"d, e\"] # t\n");
    assert_eq!(new("tags: [\"a\"]\n"), "tags: [\"c\", \"a\", \"d, e\"]\n");
    assert_eq!(new("tags:  [a,\n  b]\n"), "tags:  [c, a, \"d, e\"]\n");
    assert_eq!(
        new("tags: # t\n  # first\n  -   a # A\n  - b\n\n  - c\nx: 1\n"),
        "tags: # t\n\n  - c\n  # first\n  -   a # A\n  - d, e\nx: 1\n"
    );
    assert_eq!(new("keywords:\n- 'b'\nx: 1\n"), "keywords:\n- 'c'\n- 'a'\n- 'd, e'\nx: 1\n");
    assert_eq!(new("x: 1\n"), "x: 1\ntags: [c, a, \"d, e\"]\n");
}

#[test]
fn a_text_of_commas_stays_one_where_it_can() {
    let new = |items: &[&str]| set("tags: a,  b # t\n", Field::Tags, list(items));
    assert_eq!(new(&["b", "c d"]), "tags: b, c d # t\n");
    assert_eq!(new(&["b"]), "tags: b # t\n");
    assert_eq!(new(&["c d"]), "tags: [c d] # t\n");
    assert_eq!(new(&["b", "c, d"]), "tags: [b, \"c, d\"] # t\n");
    assert_eq!(new(&["b", "c(d", "e"]), "tags: [b, c(d, e] # t\n");
}

#[test]
fn an_empty_list_gives_way_to_the_next_place() {
    let old = "tags: []\nmetadata:\n  keywords: [a]\n";
    assert_eq!(set(old, Field::Tags, list(&["b"])), "tags: []\nmetadata:\n  keywords: [b]\n");
}

#[test]
fn clearing_takes_the_lines_of_every_place() {
    let old =
        "a: 1\n\ndescription: > # x\n  a\n\n  b\n# c\nmetadata:\n  description: d # e\n  z: 1\n";
    assert_eq!(clear(old, Field::Description), "a: 1\n\n# c\nmetadata:\n  z: 1\n");
    let tags = "tags:\n  - a # b\n  - c\nkeywords: k\nmetadata: {tags: [a], keywords: b}\nx: 1\n";
    assert_eq!(clear(tags, Field::Tags), "x: 1\n");
    assert_eq!(clear("author: a\n\n  # b\nx: 1\n", Field::Author), "\n  # b\nx: 1\n");
    assert_eq!(clear("author: {name: a, email: b}\n", Field::Author), "");
    assert_eq!(clear("metadata: {x: 1, author: a}\n", Field::Author), "metadata: {x: 1}\n");
    assert_eq!(clear("{author: a, x: 1}\n", Field::Author), "{x: 1}\n");
    assert_eq!(clear("{author: a}\n", Field::Author), "{}\n");
}

#[test]
fn an_empty_metadata_goes_with_its_last_key() {
    assert_eq!(clear("x: 1\nmetadata:\n  # c\n  author: a\ny: 2\n", Field::Author), "x: 1\ny: 2\n");
}

#[test]
fn what_a_block_scalar_above_would_swallow_goes_with_the_entry() {
    let old = "x: |+\n  a\nauthor: b\n\n  # c\n# d\ny: 1\n";
    assert_eq!(clear(old, Field::Author), "x: |+\n  a\n# d\ny: 1\n");
}

#[test]
fn what_changes_nothing_leaves_every_byte() {
    let old = "---\ndescription: >\n  a\n  b\nhint: [a] | b\n---";
    assert_eq!(file(old, Field::Description, text("a b")), old);
    assert_eq!(file(old, Field::Author, Change::Clear), old);
    assert_eq!(file("text", Field::Author, Change::Clear), "text");
}

#[test]
fn line_ends_marks_and_what_follows_stay() {
    let old = "\u{feff}<!-- a -->\r\n---\r\nx: |\r\n  y\r\n\r\n--- \r\nbody\n---\nno end";
    assert_eq!(
        file(old, Field::Author, text("Eve")),
        "\u{feff}<!-- a -->\r\n---\r\nx: |\r\n  y\r\n\r\nauthor: Eve\r\n--- \r\nbody\n---\nno end"
    );
}

#[test]
fn a_file_without_frontmatter_gets_some() {
    let new = |old: &str| file(old, Field::Version, text("2"));
    assert_eq!(new(""), "---\nversion: \"2\"\n---\n");
    assert_eq!(new("# T\n---\na: 1\n"), "---\nversion: \"2\"\n---\n# T\n---\na: 1\n");
    assert_eq!(new("\u{feff}a\r\nb\n"), "\u{feff}---\r\nversion: \"2\"\r\n---\r\na\r\nb\n");
    assert_eq!(new("\u{feff}---\n\nrule\n"), "\u{feff}---\nversion: \"2\"\n---\n---\n\nrule\n");
}

#[test]
fn what_quotes_recover_is_repaired() {
    let old = "---\r\nhint: [a] | --x\r\nx:  1 # c\ndescription: Use when: y\r\n---\r\n";
    assert_eq!(
        file(old, Field::Version, text("1.0.0")),
        "---\r\nhint: '[a] | --x'\r\nx:  1 # c\ndescription: 'Use when: y'\r\nversion: 1.0.0\r\n---\r\n"
    );
}

#[test]
fn what_lines_recover_is_repaired() {
    let old = "# c\nname: x # n\ndescription: Use: it\n<b>\nuser: \"hi\"\n\nmodel: opus\n";
    assert_eq!(
        set(old, Field::Author, text("Eve")),
        "# c\nname: x # n\ndescription: \"Use: it\\n<b>\\nuser: \\\"hi\\\"\"\n\nmodel: opus\nauthor: Eve\n"
    );
}

#[test]
fn what_cannot_be_repaired_is_refused_with_its_line() {
    let no = |old: &str| refused(old.as_bytes(), Field::Author, text("Eve"));
    let told = |old: &str, line: u32, why: &str| {
        let (at, message) = no(old);
        assert!(at == Some(line) && message.contains(why), "{at:?} {message}");
    };
    told("---\nname: a\nx: 1\nname: b\n---\n", 4, "twice");
    told("---\nname: odd\n\tdescription: tabbed\n---\n", 3, "a key of its own");
    told("---\n<<<<<<< a\nname: a\n=======\nname: b\n>>>>>>> b\n---\n", 2, "merge");
    told("---\nx: 1\nhooks:\n  a: [\n  b: c\n---\n", 3, "below this key");
    told("---\n\njunk\nname: a\nx: [\n---\n", 3, "belongs to no key");
    told("\n---\nname: a\n\nbody\n", 2, "closing");
    told("---\n: [\n---\n", 2, "YAML");
    told(&format!("---\nx: {}\n---\n", "y".repeat(70_000)), 2, "KiB");
    assert_eq!(refused(b"---\nx: 1\n---\n\xff", Field::Author, text("a")).0, Some(4));
}

#[test]
fn a_value_that_others_refer_to_is_refused() {
    let old = "---\nx: 1\nauthor: &a Bob\ny: *a\n---\n";
    assert_eq!(refused(old.as_bytes(), Field::Author, text("Eve")).0, Some(3));
    assert_eq!(refused(old.as_bytes(), Field::Author, Change::Clear).0, Some(3));
    assert_eq!(
        set("x: &a b\nauthor: *a # c\n", Field::Author, text("c")),
        "x: &a b\nauthor: c # c\n"
    );
}

#[test]
fn frontmatter_that_would_grow_too_long_is_refused() {
    let old = format!("---\nx: {}\n---\n", "y".repeat(65_500));
    assert!(refused(old.as_bytes(), Field::Description, text(&"z".repeat(500))).1.contains("KiB"));
}

#[test]
fn several_changes_are_made_at_once_or_not_at_all() {
    let changes = [(Field::Author, text("Eve")), (Field::Tags, Change::Clear)];
    assert_eq!(block("tags: a\nx: 1\n", &changes).unwrap(), "x: 1\nauthor: Eve\n");
}

#[test]
fn a_field_is_supplied_by_any_place_that_gives_a_value() {
    let file = b"---\nauthor: {name: a}\ntags: []\nlicense:\nmetadata: {version: 1}\n---\n";
    let supplied: Vec<Field> =
        Field::ALL.into_iter().filter(|field| supplies(file, *field)).collect();
    assert_eq!(supplied, [Field::Author, Field::Version]);
    assert!(!supplies(b"text", Field::Author));
}
