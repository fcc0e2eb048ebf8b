//! Reading: pages, facets, collections, content. All of it from the cache; only content is a file.

use std::sync::Arc;

use super::{Error, Larder};
use crate::domain::{
    artifact::CollectionArtifact,
    collection::{Collection, Layout},
    facets::Facets,
    id::{ArtifactId, CollectionId},
    page::{ArtifactPage, CollectionPage},
    query::{ArtifactQuery, CollectionQuery, Filter, Limit, Position, Sort},
    revision::Revision,
    text,
};

/// A collection at the moment from which an answer is made.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// The collection.
    pub collection: Collection,
    /// Names the state that the answer is made of: another one whenever the answer might differ.
    /// `None` for an answer that the clock changes.
    pub validator: Option<String>,
}

impl Larder {
    /// The collection of that id, else of that name.
    pub async fn collection(&self, id_or_name: &str) -> Result<Collection, Error> {
        self.catch_up().await?;
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
        self.catch_up().await?;
        Ok(self.ports.cache.collections(query).await?)
    }

    /// All collections, by name.
    pub(super) async fn every_collection(&self) -> Result<Vec<Collection>, Error> {
        let limit = Limit::new(Limit::MAX).unwrap_or_default();
        let mut query = CollectionQuery { search: None, limit, after: None };
        let mut all: Vec<Collection> = Vec::new();
        loop {
            let page = self.collections(&query).await?;
            all.extend(page.collections);
            match all.last().filter(|_| page.has_next) {
                Some(last) => {
                    query.after = Some((text::sort_key(&last.name), last.id.to_string()));
                }
                None => return Ok(all),
            }
        }
    }

    /// What a page of a collection will be made of. It is a read request, a hit, whether or not the
    /// page is asked for then.
    pub async fn page_view(&self, id_or_name: &str, query: &ArtifactQuery) -> Result<View, Error> {
        let collection = self.collection(id_or_name).await?;
        check(&collection, query)?;
        Ok(self.view(collection, &query.filter, &format!("{query:?}")))
    }

    /// A page of a collection's artifacts.
    pub async fn page(&self, view: &View, query: &ArtifactQuery) -> Result<ArtifactPage, Error> {
        let page = self.ports.cache.page(&view.collection.id, query).await?;
        page.ok_or_else(|| Error::UnknownCollection(view.collection.id.to_string()))
    }

    /// What the facets of a collection will be made of; see [`Self::page_view`].
    pub async fn facets_view(&self, id_or_name: &str, filter: &Filter) -> Result<View, Error> {
        let collection = self.collection(id_or_name).await?;
        Ok(self.view(collection, filter, &format!("{filter:?}")))
    }

    /// How many of a collection's artifacts have which value.
    pub async fn facets(&self, view: &View, filter: &Filter) -> Result<Facets, Error> {
        let facets = self.ports.cache.facets(&view.collection.id, filter).await?;
        facets.ok_or_else(|| Error::UnknownCollection(view.collection.id.to_string()))
    }

    /// The collections that hold a row of the same files.
    pub async fn memberships(&self, row: &CollectionArtifact) -> Result<Vec<CollectionId>, Error> {
        Ok(self.ports.cache.memberships(&row.source, &row.artifact.id).await?)
    }

    /// Whether a row's source has a manifest.
    pub async fn is_managed(&self, row: &CollectionArtifact) -> Result<bool, Error> {
        let source = self.registered_source(&row.source).await?;
        Ok(source.is_some_and(|known| known.source.layout == Layout::Managed))
    }

    /// The main file of an artifact.
    pub async fn content(
        self: &Arc<Self>,
        id_or_name: &str,
        id: &ArtifactId,
    ) -> Result<String, Error> {
        let row = self.artifact(id_or_name, id).await?;
        let source = self.registered_source(&row.source).await?;
        let Some(source) = source else { return Err(Error::NoContent(id.clone())) };
        let content = self.ports.source.content(&source.source, id, &row.artifact.path).await?;
        content.ok_or_else(|| Error::NoContent(id.clone()))
    }

    /// The validator must be taken before the rows are read, never after: an answer newer than its
    /// validator costs one more request, an older one would be believed.
    fn view(&self, collection: Collection, filter: &Filter, query: &str) -> View {
        self.count_read(true);
        let state = format!(
            "{} {} {} {}",
            collection.generation,
            collection.verification,
            self.ttl(&collection).as_micros(),
            env!("CARGO_PKG_VERSION"),
        );
        let parts = [collection.id.as_str().as_bytes(), state.as_bytes(), query.as_bytes()];
        // 128 bits: two states of one collection never meet.
        let validator = Revision::of(&parts).as_str()[..32].to_owned();
        View { validator: filter.stale.is_none().then_some(validator), collection }
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
