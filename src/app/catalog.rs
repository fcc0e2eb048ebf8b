//! Reading: pages, facets, collections, content. All of it from the cache; only content is a file.

use std::sync::Arc;

use super::{Error, Larder};
use crate::{
    domain::{
        artifact::CollectionArtifact,
        collection::Collection,
        facets::Facets,
        id::{ArtifactId, CollectionId},
        page::{ArtifactPage, CollectionPage},
        query::{ArtifactQuery, CollectionQuery, Filter, Position, Sort},
        revision::Revision,
    },
    ports::Content,
};

/// An answer to a reader who may have it already.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "it lives for one answer")]
pub enum Conditional<T> {
    /// The reader's validator still holds: this one.
    Unchanged(String),
    /// The answer.
    Fresh {
        /// What the reader may hand back next time; `None` for an answer that the clock changes.
        validator: Option<String>,
        /// The collection as it was just before the value was read.
        collection: Collection,
        /// The value.
        value: T,
    },
}

impl Larder {
    /// The collection of that id, else of that name.
    pub async fn collection(&self, id_or_name: &str) -> Result<Collection, Error> {
        let found = self.ports.cache.collection(id_or_name).await?;
        found.ok_or_else(|| {
            if id_or_name == CollectionId::default_collection().as_str() {
                Error::Unfilled
            } else {
                Error::UnknownCollection(id_or_name.to_owned())
            }
        })
    }

    /// A page of collections.
    pub async fn collections(&self, query: &CollectionQuery) -> Result<CollectionPage, Error> {
        Ok(self.ports.cache.collections(query).await?)
    }

    /// A page of a collection's artifacts, unless `holds` accepts its validator.
    pub async fn page(
        &self,
        id_or_name: &str,
        query: &ArtifactQuery,
        holds: impl Fn(&str) -> bool,
    ) -> Result<Conditional<ArtifactPage>, Error> {
        let collection = self.collection(id_or_name).await?;
        check(&collection, query)?;
        let validator = self.validator(&collection, &query.filter, &format!("{query:?}"));
        self.count_read(true);
        if let Some(validator) = validator.clone().filter(|validator| holds(validator)) {
            return Ok(Conditional::Unchanged(validator));
        }
        let page = self.ports.cache.page(&collection.id, query).await?;
        let value = page.ok_or_else(|| Error::UnknownCollection(id_or_name.to_owned()))?;
        Ok(Conditional::Fresh { validator, collection, value })
    }

    /// How many of a collection's artifacts have which value, unless `holds` accepts its validator.
    pub async fn facets(
        &self,
        id_or_name: &str,
        filter: &Filter,
        holds: impl Fn(&str) -> bool,
    ) -> Result<Conditional<Facets>, Error> {
        let collection = self.collection(id_or_name).await?;
        let validator = self.validator(&collection, filter, &format!("{filter:?}"));
        self.count_read(true);
        if let Some(validator) = validator.clone().filter(|validator| holds(validator)) {
            return Ok(Conditional::Unchanged(validator));
        }
        let facets = self.ports.cache.facets(&collection.id, filter).await?;
        let value = facets.ok_or_else(|| Error::UnknownCollection(id_or_name.to_owned()))?;
        Ok(Conditional::Fresh { validator, collection, value })
    }

    /// The collections that hold a row of the same files.
    pub async fn memberships(&self, row: &CollectionArtifact) -> Result<Vec<CollectionId>, Error> {
        Ok(self.ports.cache.memberships(&row.source, &row.artifact.id).await?)
    }

    /// Whether a row's source has a manifest.
    pub async fn is_managed(&self, row: &CollectionArtifact) -> Result<bool, Error> {
        use crate::domain::collection::Layout;
        let sources = self.ports.cache.registered().await?;
        let source = sources.iter().find(|known| known.source.name == row.source);
        Ok(source.is_some_and(|known| known.source.layout == Layout::Managed))
    }

    /// The main file of an artifact.
    pub async fn content(
        self: &Arc<Self>,
        id_or_name: &str,
        id: &ArtifactId,
    ) -> Result<Content, Error> {
        let row = self.artifact(id_or_name, id).await?;
        let sources = self.ports.cache.registered().await?;
        let source = sources.into_iter().find(|known| known.source.name == row.source);
        let Some(source) = source else { return Err(Error::NoContent(id.clone())) };
        let content = self.ports.source.content(&source.source, id, &row.artifact.path).await?;
        content.ok_or_else(|| Error::NoContent(id.clone()))
    }

    /// Names the state that an answer is made of: another one whenever the answer might differ.
    /// It must be taken before the rows are read, never after: an answer newer than its validator
    /// costs one more request, an older one would be believed.
    fn validator(&self, collection: &Collection, filter: &Filter, query: &str) -> Option<String> {
        if filter.stale.is_some() {
            return None;
        }
        let state = format!(
            "{} {} {} {}",
            collection.generation,
            collection.verification,
            self.ttl.of(&collection.id).as_micros(),
            env!("CARGO_PKG_VERSION"),
        );
        let parts = [collection.id.as_str().as_bytes(), state.as_bytes(), query.as_bytes()];
        // 128 bits: two states of one collection never meet.
        Some(Revision::of(&parts).as_str()[..32].to_owned())
    }
}

/// Whether the parts of a query fit each other and the collection.
fn check(collection: &Collection, query: &ArtifactQuery) -> Result<(), Error> {
    let filter = &query.filter;
    if query.sort == Sort::Relevance && filter.search.is_none() {
        return Err(Error::RelevanceWithoutSearch);
    }
    match &query.position {
        Position::After(cursor) | Position::Before(cursor)
            if !cursor.belongs_to(&collection.id, filter, query.sort) =>
        {
            Err(Error::ForeignCursor)
        }
        _ => Ok(()),
    }
}
