//! From query parameters to the domain's query; the same for a collection and for all artifacts.

use larder::{
    app::Larder,
    domain::{
        freshness::FreshRange,
        id::ArtifactKind,
        query::{ArtifactQuery, Filter, Limit, Position, Search, Sort as DomainSort, Staleness},
    },
};
use poem_openapi::Enum;
use serde::Serialize;

use crate::{
    answer::Cached,
    conditional::IfNoneMatch,
    cursor,
    dto::{ArtifactList, FacetList, Health},
    problem::Problem,
    state::State,
};

/// The order of a page.
#[derive(Debug, Clone, Copy, Serialize, Enum)]
pub(crate) enum Sort {
    /// By name, without regard to case.
    #[oai(rename = "name")]
    Name,
    /// The most recently changed file first.
    #[oai(rename = "-updated_at")]
    UpdatedAt,
    /// With `q`: the artifact of that name first, then names that hold every word, then the rest.
    #[oai(rename = "relevance")]
    Relevance,
}

/// The filters as they stand in the query string.
pub(crate) struct FilterParams {
    pub types: Vec<String>,
    pub tags: Vec<String>,
    pub origin: Option<String>,
    pub health: Option<Health>,
    pub stale: Option<bool>,
    pub q: Option<String>,
}

/// The place and form of a page as they stand in the query string.
pub(crate) struct PageParams {
    pub limit: Option<u32>,
    pub after: Option<String>,
    pub before: Option<String>,
    pub sort: Option<Sort>,
}

/// A page of a collection.
pub(crate) async fn page(
    shared: &State,
    collection: &str,
    filter: FilterParams,
    page: PageParams,
    if_none_match: Option<&str>,
) -> Result<Cached<ArtifactList>, Problem> {
    let larder = &shared.larder;
    let query = ArtifactQuery {
        filter: filter.parse(larder, collection).await?,
        sort: match page.sort {
            None | Some(Sort::Name) => DomainSort::Name,
            Some(Sort::UpdatedAt) => DomainSort::UpdatedAt,
            Some(Sort::Relevance) => DomainSort::Relevance,
        },
        limit: limit(page.limit)?,
        position: position(page.after.as_deref(), page.before.as_deref())?,
    };
    let view = larder.page_view(collection, &query).await?;
    if let Some(answer) = shared.answers.find(&view, &IfNoneMatch::parse(if_none_match)) {
        return Ok(answer);
    }
    let page = larder.page(&view, &query).await?;
    let ttl = larder.ttl(&view.collection);
    shared.answers.keep(&view, &ArtifactList::new(page, &view.collection.id, &query, ttl))
}

/// The facets of a collection.
pub(crate) async fn facets(
    shared: &State,
    collection: &str,
    filter: FilterParams,
    if_none_match: Option<&str>,
) -> Result<Cached<FacetList>, Problem> {
    let filter = filter.parse(&shared.larder, collection).await?;
    let view = shared.larder.facets_view(collection, &filter).await?;
    if let Some(answer) = shared.answers.find(&view, &IfNoneMatch::parse(if_none_match)) {
        return Ok(answer);
    }
    let facets = shared.larder.facets(&view, &filter).await?;
    shared.answers.keep(&view, &FacetList::from(facets))
}

/// A page's limit.
pub(crate) fn limit(limit: Option<u32>) -> Result<Limit, Problem> {
    limit.map_or_else(
        || Ok(Limit::default()),
        |limit| Limit::new(limit).ok_or_else(|| Problem::invalid("limit", "it must be 1 to 200")),
    )
}

fn position(after: Option<&str>, before: Option<&str>) -> Result<Position, Problem> {
    match (after, before) {
        (None, None) => Ok(Position::Start),
        (Some(after), None) => Ok(Position::After(cursor::decode(after)?)),
        (None, Some(before)) => Ok(Position::Before(cursor::decode(before)?)),
        (Some(_), Some(_)) => {
            Err(Problem::invalid("before", "it cannot be combined with after: leave one out"))
        }
    }
}

impl FilterParams {
    async fn parse(self, larder: &Larder, collection: &str) -> Result<Filter, Problem> {
        let kinds = self.types.iter().map(|name| {
            ArtifactKind::new(name).map_err(|_| {
                Problem::invalid("type", "it must be a word such as skill, agent or command")
            })
        });
        let stale = match self.stale {
            None => None,
            Some(stale) => {
                let ttl = larder.ttl(&larder.collection(collection).await?);
                Some(Staleness { stale, fresh: FreshRange::new(larder.now(), ttl) })
            }
        };
        let asked = self.q.as_deref().map_or("", str::trim);
        let search = Search::new(asked);
        if search.is_none() && !asked.is_empty() {
            return Err(Problem::invalid("q", "it holds no letter or digit to search for"));
        }
        Ok(Filter {
            kinds: kinds.collect::<Result<_, _>>()?,
            tags: self.tags,
            origin: self.origin,
            health: self.health.map(Into::into),
            stale,
            search,
        })
    }
}
