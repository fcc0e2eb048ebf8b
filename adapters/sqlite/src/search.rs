//! The full-text index: one document for each artifact of a source.

use larder::domain::{artifact::Artifact, id::SourceName, query::Search};
use sqlx::{QueryBuilder, SqliteConnection};

use crate::{
    error::Result,
    row::{CHUNK, to_json},
};

/// The words of one artifact.
pub(crate) struct Document {
    pub(crate) artifact_id: String,
    /// Each word of the name between two spaces.
    name_words: String,
    /// All words, separated by a space.
    all_words: String,
}

impl Document {
    pub(crate) fn new(artifact: &Artifact) -> Self {
        let words = artifact.search_document();
        Self {
            artifact_id: artifact.id.to_string(),
            name_words: format!(" {} ", words.name.join(" ")),
            all_words: words.all.join(" "),
        }
    }
}

/// Stores the documents of a source's artifacts. Only what has changed is indexed anew: taking a
/// document out of the index costs more than putting one in.
pub(crate) async fn store(
    writer: &mut SqliteConnection,
    source: &SourceName,
    documents: &[Document],
) -> Result<()> {
    const FORGET: &str = "DELETE FROM search_index WHERE rowid IN (SELECT value FROM json_each(?))";
    const INDEX: &str = "INSERT INTO search_index (rowid, all_words) \
         SELECT id, all_words FROM search_documents WHERE id IN (SELECT value FROM json_each(?))";
    for chunk in documents.chunks(CHUNK) {
        let changed = to_json(&store_chunk(writer, source, chunk).await?)?;
        for sql in [FORGET, INDEX] {
            sqlx::query(sql).bind(&changed).execute(&mut *writer).await?;
        }
    }
    Ok(())
}

/// Stores documents; answers the numbers of those that are new or have changed.
async fn store_chunk(
    writer: &mut SqliteConnection,
    source: &SourceName,
    documents: &[Document],
) -> Result<Vec<i64>> {
    let whole_chunk = documents.len() == CHUNK;
    let mut sql = QueryBuilder::new(
        "INSERT INTO search_documents (source_collection, artifact_id, name_words, all_words) ",
    );
    sql.push_values(documents, |mut tuple, document| {
        tuple
            .push_bind(source.as_str())
            .push_bind(document.artifact_id.as_str())
            .push_bind(document.name_words.as_str())
            .push_bind(document.all_words.as_str());
    });
    sql.push(
        " ON CONFLICT (source_collection, artifact_id) DO UPDATE \
             SET all_words = excluded.all_words WHERE all_words <> excluded.all_words \
         RETURNING id",
    );
    sql.build_query_scalar().persistent(whole_chunk).fetch_all(writer).await
}

/// Removes the documents of a source's artifacts.
pub(crate) async fn remove(
    writer: &mut SqliteConnection,
    source: &SourceName,
    ids: &[&str],
) -> Result<()> {
    const FORGET: &str = "DELETE FROM search_index WHERE rowid IN ( \
             SELECT id FROM search_documents WHERE source_collection = ?1 \
                 AND artifact_id IN (SELECT value FROM json_each(?2)))";
    const REMOVE: &str = "DELETE FROM search_documents WHERE source_collection = ?1 \
             AND artifact_id IN (SELECT value FROM json_each(?2))";
    let ids = to_json(&ids)?;
    for sql in [FORGET, REMOVE] {
        sqlx::query(sql).bind(source.as_str()).bind(&ids).execute(&mut *writer).await?;
    }
    Ok(())
}

/// Removes every document of a source.
pub(crate) async fn remove_all(writer: &mut SqliteConnection, source: &SourceName) -> Result<()> {
    const FORGET: &str = "DELETE FROM search_index WHERE rowid IN ( \
             SELECT id FROM search_documents WHERE source_collection = ?)";
    const REMOVE: &str = "DELETE FROM search_documents WHERE source_collection = ?";
    for sql in [FORGET, REMOVE] {
        sqlx::query(sql).bind(source.as_str()).execute(&mut *writer).await?;
    }
    Ok(())
}

/// The search as an expression of FTS5: every word, the last one as a beginning. Words hold letters
/// and digits alone; quoted, `and` is no operator.
pub(crate) fn expression(search: &Search) -> String {
    let words: Vec<String> = search.words.iter().map(|word| format!("\"{word}\"")).collect();
    format!("{} *", words.join(" AND "))
}

/// The same of the name's words alone, as texts that must all be in `name_words`.
pub(crate) fn in_name(search: &Search) -> impl Iterator<Item = String> {
    let last = search.words.len() - 1;
    let form = move |(place, word)| {
        if place == last { format!(" {word}") } else { format!(" {word} ") }
    };
    search.words.iter().enumerate().map(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_asked_for_and_the_last_one_may_go_on() {
        let search = Search::new("Red and gre").unwrap();
        assert_eq!(expression(&search), r#""red" AND "and" AND "gre" *"#);
        assert_eq!(in_name(&search).collect::<Vec<_>>(), [" red ", " and ", " gre"]);
    }
}
