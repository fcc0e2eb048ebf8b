//! The full-text index: one document for each artifact of a source.

use larder::domain::{artifact::Artifact, id::SourceName, query::Search};
use serde::Serialize;
use sqlx::PgConnection;

use crate::{
    error::Result,
    row::{CHUNK, to_json},
};

/// The words of one artifact, each column's separated by a space.
#[derive(Serialize)]
pub(crate) struct Document {
    pub(crate) artifact_id: String,
    name_words: String,
    all_words: String,
}

impl Document {
    pub(crate) fn new(artifact: &Artifact) -> Self {
        let words = artifact.search_document();
        Self {
            artifact_id: artifact.id.to_string(),
            name_words: words.name.join(" "),
            all_words: words.all.join(" "),
        }
    }
}

/// Stores the documents of a source's artifacts. A row that stays as it is keeps its place in the
/// index.
pub(crate) async fn store(
    writer: &mut PgConnection,
    source: &SourceName,
    documents: &[Document],
) -> Result<()> {
    const STORE: &str = "INSERT INTO search_documents \
             (source_collection, artifact_id, name_words, all_words) \
         SELECT $1, artifact_id, array_to_tsvector(string_to_array(name_words, ' ')), \
             array_to_tsvector(string_to_array(all_words, ' ')) \
         FROM json_to_recordset($2::json) \
             AS j (artifact_id TEXT, name_words TEXT, all_words TEXT) \
         ON CONFLICT (source_collection, artifact_id) DO UPDATE \
             SET all_words = excluded.all_words \
             WHERE search_documents.all_words <> excluded.all_words";
    for chunk in documents.chunks(CHUNK) {
        let chunk = to_json(&chunk)?;
        sqlx::query(STORE).bind(source.as_str()).bind(chunk).execute(&mut *writer).await?;
    }
    Ok(())
}

/// Removes the documents of a source's artifacts.
pub(crate) async fn remove(
    writer: &mut PgConnection,
    source: &SourceName,
    ids: &[&str],
) -> Result<()> {
    const REMOVE: &str = "DELETE FROM search_documents \
         WHERE source_collection = $1 AND artifact_id = ANY($2)";
    sqlx::query(REMOVE).bind(source.as_str()).bind(ids).execute(writer).await?;
    Ok(())
}

/// Removes every document of a source.
pub(crate) async fn remove_all(writer: &mut PgConnection, source: &SourceName) -> Result<()> {
    const REMOVE: &str = "DELETE FROM search_documents WHERE source_collection = $1";
    sqlx::query(REMOVE).bind(source.as_str()).execute(writer).await?;
    Ok(())
}

/// The search as the text of a `tsquery`: every word, the last one as a beginning. Words hold
/// letters and digits alone, so quoting them is all that is needed.
pub(crate) fn expression(search: &Search) -> String {
    let words: Vec<String> = search.words.iter().map(|word| format!("'{word}'")).collect();
    format!("{}:*", words.join(" & "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_asked_for_and_the_last_one_may_go_on() {
        let search = Search::new("Red and gre").unwrap();
        assert_eq!(expression(&search), "'red' & 'and' & 'gre':*");
    }
}
