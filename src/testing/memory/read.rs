//! Pages, counts and facets.

use std::{cmp::Ordering, collections::BTreeMap};

use super::tables::{KeptCollection, Row, Tables};
use crate::domain::{
    artifact::{CollectionArtifact, Health},
    collection::{Collection, CollectionKind},
    cursor::SortValue,
    delta::{Known, KnownArtifact, Shadowed},
    facets::{FacetCount, Facets},
    freshness::{CacheStats, Census, FreshRange, StaleRow, StaleSource},
    id::{ArtifactId, CollectionId, SourceName},
    page::{ArtifactPage, CollectionPage},
    query::{ArtifactQuery, CollectionQuery, Filter, Limit, Position, Search},
    report::MAX_ISSUES,
    text,
};

impl Tables {
    pub(super) fn collection(&self, id_or_name: &str) -> Option<Collection> {
        let mut all = self.collections.iter();
        let by_id = all.clone().find(|(id, _)| id.as_str() == id_or_name);
        let found = by_id.or_else(|| all.find(|(_, kept)| kept.name == id_or_name));
        found.map(|(id, kept)| self.answered(id, kept))
    }

    pub(super) fn collections_page(&self, query: &CollectionQuery) -> CollectionPage {
        let matches = |key: &str| query.search.as_deref().is_none_or(|part| key.contains(part));
        let mut all: Vec<_> = self
            .collections
            .iter()
            .map(|(id, kept)| ((text::sort_key(&kept.name), id.as_str().to_owned()), id, kept))
            .filter(|(key, ..)| matches(&key.0))
            .collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        let total_count = all.len() as u64;
        let following: Vec<_> = all
            .into_iter()
            .filter(|(key, ..)| query.after.as_ref().is_none_or(|a| key > a))
            .collect();
        let limit = query.limit.get() as usize;
        CollectionPage {
            has_next: following.len() > limit,
            collections: following
                .into_iter()
                .take(limit)
                .map(|(_, id, kept)| self.answered(id, kept))
                .collect(),
            total_count,
        }
    }

    fn answered(&self, id: &CollectionId, kept: &KeptCollection) -> Collection {
        let own = kept.source.as_ref().and_then(|name| self.sources.get(name));
        let sources = if kept.kind == CollectionKind::Mirror {
            own.into_iter().collect()
        } else {
            self.attached()
        };
        Collection {
            id: id.clone(),
            name: kept.name.clone(),
            description: kept.description.clone(),
            kind: kept.kind,
            source: kept.source.clone(),
            created_by: kept.created_by.clone(),
            detached: own.is_some_and(|source| !source.attached),
            generation: kept.generation,
            artifact_count: kept.shown().count() as u64,
            verification: sources
                .iter()
                .filter_map(|source| source.verified)
                .map(|(order, _)| order.number())
                .sum(),
            last_report: sources
                .iter()
                .filter_map(|source| source.last_report.clone())
                .max_by_key(|(order, _)| *order)
                .map(|(_, report)| report),
            created_at: kept.created_at,
            updated_at: kept.updated_at,
        }
    }

    pub(super) fn page(
        &self,
        collection: &CollectionId,
        query: &ArtifactQuery,
    ) -> Option<ArtifactPage> {
        let generation = self.collections.get(collection)?.generation;
        let mut rows: Vec<_> =
            self.visible(collection).filter(|row| passes(row, &query.filter)).collect();
        rows.sort_by(|a, b| in_order(query, &place(a, query), &place(b, query)));
        let limit = query.limit.get() as usize;
        let place_of = |row: &CollectionArtifact, value: &SortValue, id: &ArtifactId| {
            in_order(query, &place(row, query), &(value.clone(), id.clone()))
        };
        let (start, end) = match &query.position {
            Position::Start => (0, limit),
            Position::After(cursor) => {
                let start =
                    rows.partition_point(|row| place_of(row, &cursor.value, &cursor.id).is_le());
                (start, start + limit)
            }
            Position::Before(cursor) => {
                let end =
                    rows.partition_point(|row| place_of(row, &cursor.value, &cursor.id).is_lt());
                (end.saturating_sub(limit), end)
            }
        };
        let end = end.min(rows.len());
        Some(ArtifactPage {
            has_next: end < rows.len(),
            has_previous: start > 0,
            total_count: rows.len() as u64,
            generation,
            rows: rows.drain(start..end).collect(),
        })
    }

    pub(super) fn facets(&self, collection: &CollectionId, filter: &Filter) -> Option<Facets> {
        let generation = self.collections.get(collection)?.generation;
        let rows: Vec<_> = self.visible(collection).filter(|row| passes(row, filter)).collect();
        let mut tags = counted(rows.iter().flat_map(|row| row.artifact.metadata.tags.clone()));
        tags.truncate(Facets::MAX_TAGS as usize);
        Some(Facets {
            types: counted(rows.iter().map(|row| row.artifact.id.kind().to_string())),
            tags,
            origins: counted(rows.iter().filter_map(|row| row.artifact.provenance.origin.clone())),
            healths: counted(rows.iter().map(|row| row.artifact.health.as_str().to_owned())),
            generation,
        })
    }

    pub(super) fn memberships(&self, source: &SourceName, id: &ArtifactId) -> Vec<CollectionId> {
        let holds = |kept: &KeptCollection| {
            kept.shown().any(|row| row.artifact.id == *id && row.source == *source)
        };
        self.collections.iter().filter(|(_, kept)| holds(kept)).map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn stats(&self, collection: &CollectionId, fresh: FreshRange) -> CacheStats {
        let mut stats = CacheStats {
            total: 0,
            stale: 0,
            oldest_sync: self.visible(collection).filter_map(|row| row.synced_at).min(),
            by_health: Health::ALL.into_iter().map(|health| (health, 0)).collect(),
        };
        for row in self.visible(collection) {
            stats.total += 1;
            stats.stale += u64::from(!fresh.contains(row.synced_at));
            *stats.by_health.entry(row.artifact.health).or_default() += 1;
        }
        stats
    }

    pub(super) fn stale_sources(
        &self,
        collection: &CollectionId,
        fresh: FreshRange,
    ) -> Vec<StaleSource> {
        let mut sources = BTreeMap::<SourceName, StaleSource>::new();
        for row in self.visible(collection).filter(|row| !fresh.contains(row.synced_at)) {
            let nothing = || StaleSource {
                source: row.source.clone(),
                rows: 0,
                invalidated: 0,
                oldest_sync: None,
            };
            let stale = sources.entry(row.source.clone()).or_insert_with(nothing);
            stale.rows += 1;
            stale.invalidated += u64::from(row.synced_at.is_none());
            stale.oldest_sync = stale.oldest_sync.into_iter().chain(row.synced_at).min();
        }
        sources.into_values().collect()
    }

    pub(super) fn stale_rows(
        &self,
        collection: &CollectionId,
        fresh: FreshRange,
        after: Option<&StaleRow>,
        limit: Limit,
    ) -> Vec<StaleRow> {
        let stale = self.visible(collection).filter(|row| !fresh.contains(row.synced_at));
        let mut rows: Vec<_> = stale
            .map(|row| StaleRow {
                synced_at: row.synced_at,
                id: row.artifact.id,
                source: row.source,
            })
            .filter(|row| after.is_none_or(|after| row > after))
            .collect();
        rows.sort();
        rows.truncate(limit.get() as usize);
        rows
    }

    pub(super) fn census(&self) -> Vec<Census> {
        let default = CollectionId::default_collection();
        let mut counts = BTreeMap::<(String, &str), Census>::new();
        for row in self.visible(&default) {
            let (kind, health) = (row.artifact.id.kind(), row.artifact.health);
            counts
                .entry((kind.to_string(), health.as_str()))
                .or_insert(Census { kind, health, rows: 0 })
                .rows += 1;
        }
        counts.into_values().collect()
    }

    pub(super) fn shadowed(&self) -> (Vec<Shadowed>, u64) {
        let mut all = Vec::new();
        for loser in self.attached() {
            let home = self.collections.get(&loser.home);
            let rows = home.into_iter().flat_map(|kept| kept.rows.values());
            for row in rows.filter(|row| row.source == loser.source.name) {
                let shown = self.row(&CollectionId::default_collection(), &row.artifact.id);
                if let Some(shown) = shown.filter(|shown| shown.source != row.source) {
                    all.push(Shadowed {
                        id: row.artifact.id.clone(),
                        path: row.artifact.path.clone(),
                        source: row.source.clone(),
                        by: shown.source.clone(),
                    });
                }
            }
        }
        all.sort_by(|a, b| (&a.id, &a.source).cmp(&(&b.id, &b.source)));
        let count = all.len() as u64;
        all.truncate(MAX_ISSUES);
        (all, count)
    }

    /// In any collection: only a newer row of the source's home makes that one good again.
    fn is_invalidated_anywhere(&self, source: &SourceName, id: &ArtifactId) -> bool {
        let rows = self.collections.values().filter_map(|kept| kept.rows.get(id));
        rows.filter(|row| row.source == *source).any(Row::is_invalidated)
    }

    pub(super) fn known(&self, source: &SourceName) -> Known {
        let attached = self.sources.get(source).filter(|kept| kept.attached);
        let Some(kept) = attached else { return Known::new() };
        let Some(home) = self.collections.get(&kept.home) else { return Known::new() };
        let rows = home.rows.values().filter(|row| row.source == *source);
        rows.map(|row| {
            let artifact = row.artifact.clone();
            let invalidated = self.is_invalidated_anywhere(source, &artifact.id);
            let problem = artifact.problem;
            let known = KnownArtifact {
                path: artifact.path,
                revision: artifact.revision,
                fingerprint: artifact.fingerprint.filter(|_| !invalidated),
                invalidated,
                health: artifact.health,
                problem_line: problem.as_ref().and_then(|problem| problem.line),
                problem: problem.map(|problem| problem.message),
                updated_at: artifact.updated_at,
            };
            (artifact.id, known)
        })
        .collect()
    }
}

type Place = (SortValue, ArtifactId);

fn place(row: &CollectionArtifact, query: &ArtifactQuery) -> Place {
    (query.sort.value_of(row, query.filter.search.as_ref()), row.artifact.id.clone())
}

fn in_order(query: &ArtifactQuery, one: &Place, other: &Place) -> Ordering {
    if query.sort.descending() { other.cmp(one) } else { one.cmp(other) }
}

fn passes(row: &CollectionArtifact, filter: &Filter) -> bool {
    let artifact = &row.artifact;
    (filter.kinds.is_empty() || filter.kinds.contains(&artifact.id.kind()))
        && filter.tags.iter().all(|tag| artifact.metadata.tags.contains(tag))
        && filter.origin.as_ref().is_none_or(|it| artifact.provenance.origin.as_ref() == Some(it))
        && filter.health.is_none_or(|health| artifact.health == health)
        && filter.stale.is_none_or(|wanted| wanted.fresh.contains(row.synced_at) != wanted.stale)
        && filter.search.as_ref().is_none_or(|search| finds(search, row))
}

fn finds(search: &Search, row: &CollectionArtifact) -> bool {
    let words = row.artifact.search_document().all;
    let Some((last, others)) = search.words.split_last() else { return true };
    others.iter().all(|word| words.contains(word))
        && words.iter().any(|word| word.starts_with(last.as_str()))
}

fn counted(values: impl Iterator<Item = String>) -> Vec<FacetCount> {
    let mut counts = BTreeMap::<String, u64>::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let mut counts: Vec<_> =
        counts.into_iter().map(|(value, count)| FacetCount { value, count }).collect();
    counts.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    counts
}
