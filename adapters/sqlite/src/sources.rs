//! The sources, and registering them.

use std::collections::{BTreeSet, HashMap};

use larder::domain::{
    Timestamp,
    change::{CollectionChange, TouchedCollections},
    collection::{Layout, RegisteredSource, Source},
    id::{CollectionId, SourceName},
    text,
};
use sqlx::{FromRow, SqliteConnection};

use crate::{
    apply::Change,
    collections,
    error::{Result, undecodable},
    row::{from_json, micros, timestamp},
};

/// The attached sources, `default` first, then by name.
pub(crate) async fn registered(reader: &mut SqliteConnection) -> Result<Vec<RegisteredSource>> {
    const REGISTERED: &str = "SELECT s.name, s.root, s.layout, s.verified_at, s.manifest_hash, \
             s.disks_json, COALESCE(c.id, 'default') AS home \
         FROM sources s LEFT JOIN collections c \
             ON c.kind = 'mirror' AND c.source_collection = s.name \
         WHERE s.attached ORDER BY s.name <> 'default', s.name";
    let rows: Vec<SourceRow> = sqlx::query_as(REGISTERED).fetch_all(reader).await?;
    rows.into_iter().map(SourceRow::into_domain).collect()
}

#[derive(FromRow)]
struct SourceRow {
    name: String,
    root: String,
    layout: String,
    verified_at: Option<i64>,
    manifest_hash: Option<String>,
    disks_json: Option<String>,
    home: String,
}

impl SourceRow {
    fn into_domain(self) -> Result<RegisteredSource> {
        let layout = match self.layout.as_str() {
            MANAGED => Layout::Managed,
            PLAIN => Layout::Plain,
            other => return Err(undecodable(format!("{other} is no layout"))),
        };
        Ok(RegisteredSource {
            source: Source {
                name: SourceName::new(self.name).map_err(undecodable)?,
                root: self.root,
                layout,
            },
            home: CollectionId::new(self.home).map_err(undecodable)?,
            verified_at: self.verified_at.map(timestamp).transpose()?,
            manifest_hash: self.manifest_hash,
            disks: self.disks_json.as_deref().map(from_json).transpose()?,
        })
    }
}

const MANAGED: &str = "managed";
const PLAIN: &str = "plain";

fn layout_word(layout: Layout) -> &'static str {
    match layout {
        Layout::Managed => MANAGED,
        Layout::Plain => PLAIN,
    }
}

/// The home of an attached source.
pub(crate) async fn home(
    connection: &mut SqliteConnection,
    source: &SourceName,
) -> Result<Option<String>> {
    const HOME: &str = "SELECT COALESCE(c.id, 'default') FROM sources s \
         LEFT JOIN collections c ON c.kind = 'mirror' AND c.source_collection = s.name \
         WHERE s.name = ? AND s.attached";
    sqlx::query_scalar(HOME).bind(source.as_str()).fetch_optional(connection).await
}

/// Makes the cache know exactly these sources, within the caller's transaction; answers them, what has
/// changed, and whether they are others than before.
pub(crate) async fn register(
    writer: &mut SqliteConnection,
    given: &[Source],
    now: Timestamp,
) -> Result<(Vec<RegisteredSource>, Vec<CollectionChange>, bool)> {
    let default = CollectionId::default_collection();
    make_collection(writer, &default, "default", None, now).await?;
    let before = registered(writer).await?;
    let kept: BTreeSet<&SourceName> = given.iter().map(|source| &source.name).collect();
    let was: BTreeSet<&SourceName> = before.iter().map(|known| &known.source.name).collect();

    for known in before.iter().filter(|known| !kept.contains(&known.source.name)) {
        detach(writer, &known.source.name).await?;
    }
    for source in given {
        attach(writer, source, now).await?;
    }
    // All sources are what they shall be: only now can it be told whose row stands in `default`.
    let mut touched = TouchedCollections::default();
    for known in before.iter().filter(|known| !kept.contains(&known.source.name)) {
        touched.add(withdraw_all(writer, known, now).await?);
    }
    // By precedence: a source that loses a contest must not leave its invalidation on the winner.
    let after = registered(writer).await?;
    for known in after.iter().filter(|known| !was.contains(&known.source.name)) {
        touched.add(promote_all(writer, known, now).await?);
    }
    let changes = collections::bump(writer, &touched, now).await?;
    let are_others = was != kept;
    let mut after: HashMap<_, _> =
        after.into_iter().map(|known| (known.source.name.clone(), known)).collect();
    let registered = given.iter().filter_map(|source| after.remove(&source.name)).collect();
    Ok((registered, changes, are_others))
}

async fn detach(writer: &mut SqliteConnection, source: &SourceName) -> Result<()> {
    // The rows of `default` go with it, so what was verified of them means nothing any more.
    const DETACH: &str = "UPDATE sources SET attached = FALSE, \
             verified_at = CASE WHEN name <> 'default' THEN verified_at END, \
             verified_order = CASE WHEN name <> 'default' THEN verified_order END, \
             manifest_hash = CASE WHEN name <> 'default' THEN manifest_hash END, \
             disks_json = CASE WHEN name <> 'default' THEN disks_json END \
         WHERE name = ?";
    sqlx::query(DETACH).bind(source.as_str()).execute(writer).await?;
    Ok(())
}

async fn attach(writer: &mut SqliteConnection, source: &Source, now: Timestamp) -> Result<()> {
    const MOVED: &str = "SELECT root <> ? FROM sources WHERE name = ?";
    const FORGET: &str =
        "UPDATE collection_artifacts SET fingerprint = NULL WHERE source_collection = ?";
    const ATTACH: &str = "INSERT INTO sources (name, root, layout, attached) \
             VALUES (?, ?, ?, TRUE) \
         ON CONFLICT (name) DO UPDATE SET layout = excluded.layout, attached = TRUE, \
             verified_at = CASE WHEN sources.root = excluded.root THEN sources.verified_at END, \
             verified_order = \
                 CASE WHEN sources.root = excluded.root THEN sources.verified_order END, \
             manifest_hash = \
                 CASE WHEN sources.root = excluded.root THEN sources.manifest_hash END, \
             disks_json = CASE WHEN sources.root = excluded.root THEN sources.disks_json END, \
             root = excluded.root";
    let name = source.name.as_str();
    let moved: Option<bool> = sqlx::query_scalar(MOVED)
        .bind(&source.root)
        .bind(name)
        .fetch_optional(&mut *writer)
        .await?;
    if moved == Some(true) {
        sqlx::query(FORGET).bind(name).execute(&mut *writer).await?;
    }
    sqlx::query(ATTACH)
        .bind(name)
        .bind(&source.root)
        .bind(layout_word(source.layout))
        .execute(&mut *writer)
        .await?;
    if name != SourceName::DEFAULT {
        make_mirror(writer, &source.name, now).await?;
    }
    Ok(())
}

/// Makes the source's mirror, unless there is one from before.
async fn make_mirror(
    writer: &mut SqliteConnection,
    source: &SourceName,
    now: Timestamp,
) -> Result<()> {
    const MADE: &str = "SELECT EXISTS (SELECT 1 FROM collections \
             WHERE kind = 'mirror' AND source_collection = ?)";
    const TAKEN: &str = "SELECT EXISTS (SELECT 1 FROM collections WHERE id = ?1 OR name = ?1)";
    if sqlx::query_scalar(MADE).bind(source.as_str()).fetch_one(&mut *writer).await? {
        return Ok(());
    }
    for id in CollectionId::of_mirror(source) {
        if !sqlx::query_scalar(TAKEN).bind(id.as_str()).fetch_one(&mut *writer).await? {
            return make_collection(writer, &id, "mirror", Some(source), now).await;
        }
    }
    Ok(())
}

async fn make_collection(
    writer: &mut SqliteConnection,
    id: &CollectionId,
    kind: &str,
    source: Option<&SourceName>,
    now: Timestamp,
) -> Result<()> {
    const MAKE: &str = "INSERT INTO collections \
             (id, name, sort_name, kind, source_collection, created_at, updated_at) \
         VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT (id) DO NOTHING";
    sqlx::query(MAKE)
        .bind(id.as_str())
        .bind(text::sort_key(id.as_str()))
        .bind(kind)
        .bind(source.map(SourceName::as_str))
        .bind(micros(now))
        .execute(writer)
        .await?;
    Ok(())
}

async fn withdraw_all(
    writer: &mut SqliteConnection,
    known: &RegisteredSource,
    now: Timestamp,
) -> Result<TouchedCollections> {
    let ids = ids_of(writer, CollectionId::default_collection().as_str(), known).await?;
    let mut change = Change::new(writer, known.source.name.clone(), known.home.to_string(), now);
    change.withdraw(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    Ok(change.into_touched())
}

async fn promote_all(
    writer: &mut SqliteConnection,
    known: &RegisteredSource,
    now: Timestamp,
) -> Result<TouchedCollections> {
    if known.home == CollectionId::default_collection() {
        return Ok(TouchedCollections::default());
    }
    let ids = ids_of(writer, known.home.as_str(), known).await?;
    let mut change = Change::new(writer, known.source.name.clone(), known.home.to_string(), now);
    change.promote(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    Ok(change.into_touched())
}

/// The artifacts of that source which a collection holds.
async fn ids_of(
    connection: &mut SqliteConnection,
    collection: &str,
    known: &RegisteredSource,
) -> Result<Vec<String>> {
    const IDS: &str = "SELECT artifact_id FROM collection_artifacts \
         WHERE collection_id = ? AND source_collection = ? AND type IS NOT NULL";
    sqlx::query_scalar(IDS)
        .bind(collection)
        .bind(known.source.name.as_str())
        .fetch_all(connection)
        .await
}
