//! Long random histories, after each step of which the backend and the fake in memory must answer
//! every question alike.

use larder::{
    domain::{
        Timestamp,
        artifact::{Artifact, Health},
        collection::Source,
        cursor::Cursor,
        delta::{Delta, Recheck, Scope, Verified},
        disks::Disks,
        freshness::FreshRange,
        id::CollectionId,
        query::{ArtifactQuery, CollectionQuery, Filter, Position, Search, Sort, Staleness},
        read_order::ReadOrder,
    },
    ports::CacheRepository,
    testing::{
        BuildArtifact, MemoryRepository, artifact, artifact_id, at, collection_id, limit, report,
        source, source_name,
    },
};

use crate::cache::{Cache, order_at, since};

contract! { crate::cache::Cache, sqlite postgres: {
    agreement {
        it_answers_as_the_fake_does_after_any_history
        it_answers_as_the_fake_does_after_another_history
        it_answers_as_the_fake_does_after_a_third_history
    }
} }

const SOURCES: [&str; 4] = ["default", "Work", "a", "b"];
const NAMES: [&str; 8] = ["pdf", "PDF", "tea", "red-green", "tea:red", "日本", "x", "été"];
const WORDS: [&str; 6] = ["red", "green", "tea", "Café", "日本語", "portable"];
const STEPS: i64 = 100;

/// A small generator of numbers: the same seed, the same history.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        // Xorshift64*, Vigna 2016, "An experimental exploration of Marsaglia's xorshift generators".
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).unwrap() % limit
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn some<T: Copy>(&mut self, from: &[T]) -> Vec<T> {
        from.iter().copied().filter(|_| self.chance(2)).collect()
    }

    fn text(&mut self) -> String {
        self.some(&WORDS).join(" ")
    }

    fn id(&mut self) -> String {
        format!("{}:{}", self.pick(&["skill", "agent"]), self.pick(&NAMES))
    }

    /// A moment at most some steps away.
    fn around(&mut self, now: i64) -> Timestamp {
        at(now + self.pick(&[-9, -3, -1, 0, 1]))
    }

    /// The order of a look at most some steps away, whatever its clock showed.
    fn order(&mut self, now: i64) -> ReadOrder {
        order_at(self.around(now))
    }

    fn artifact(&mut self, now: i64) -> Artifact {
        let changed = (!self.chance(4)).then(|| self.around(now));
        let origin = self.pick(&[None, Some("local"), Some("github")]);
        artifact(&self.id())
            .described(&self.text())
            .tagged(&self.some(&["one", "two", "Two"]))
            .of_origin(origin)
            .in_health(self.pick(&Health::ALL))
            .changed_at(changed)
            .read_at(self.around(now))
    }

    fn scope(&mut self) -> Scope {
        let collection = collection_id(self.pick(&SOURCES));
        match self.below(3) {
            0 => Scope::Artifact(collection, artifact_id(&self.id())),
            1 => Scope::Collection(collection),
            _ => Scope::Source(source_name(self.pick(&SOURCES))),
        }
    }

    fn filter(&mut self, now: i64) -> Filter {
        let (after, until) = (self.around(now), self.around(now));
        let fresh = FreshRange { after, until: until.max(after) };
        Filter {
            tags: if self.chance(3) { vec!["two".to_owned()] } else { Vec::new() },
            origin: self.chance(4).then(|| "local".to_owned()),
            health: self.chance(4).then_some(Health::Ok),
            stale: self.chance(3).then_some(Staleness { stale: after < at(now), fresh }),
            search: if self.chance(2) { Search::new(self.pick(&WORDS)) } else { None },
            ..Filter::default()
        }
    }
}

enum Step {
    Register(Vec<Source>),
    Apply(Box<Delta>),
    Order(Timestamp),
    Invalidate(Scope, ReadOrder),
}

impl Step {
    fn roll(dice: &mut Dice, now: i64) -> Self {
        match dice.below(10) {
            0 => Self::Register(dice.some(&SOURCES).into_iter().map(source).collect()),
            1 | 2 => Self::Invalidate(dice.scope(), dice.order(now)),
            3 => Self::Order(dice.around(now)),
            _ => Self::Apply(Box::new(Self::delta(dice, now))),
        }
    }

    fn delta(dice: &mut Dice, now: i64) -> Delta {
        let name = dice.pick(&SOURCES);
        let mut delta = Delta::new(source_name(name), dice.order(now), at(now));
        // A delta names no artifact twice.
        let mut named = Vec::new();
        for _ in 0..dice.below(6) {
            let artifact = dice.artifact(now);
            if named.contains(&artifact.id) {
                continue;
            }
            named.push(artifact.id.clone());
            let recheck = Recheck {
                id: artifact.id.clone(),
                revision: artifact.revision.clone(),
                fingerprint: Some("again".to_owned()),
                read_at: artifact.read_at,
            };
            match dice.below(6) {
                0 => delta.removals.push(artifact.id),
                1 => delta.rechecks.push(recheck),
                2 => delta.confirmed.push(recheck),
                _ => delta.upserts.push(artifact),
            }
        }
        delta.anew = dice.chance(4);
        if dice.chance(4) {
            let manifest_hash = Some(format!("m{now}"));
            delta.verified =
                Some(Verified { at: dice.around(now), manifest_hash, disks: Disks::default() });
            delta.report = Some(report(name, at(now)));
        }
        delta
    }

    /// Takes the step; answers what the repository said to it.
    async fn take(&self, repository: &dyn CacheRepository, now: i64) -> String {
        match self {
            Self::Register(sources) => {
                format!("{:?}", repository.register(sources, at(now)).await.unwrap())
            }
            Self::Apply(delta) => {
                format!("{:?}", repository.apply((**delta).clone()).await.unwrap())
            }
            Self::Order(at) => format!("{:?}", repository.next_order(*at).await.unwrap()),
            Self::Invalidate(scope, order) => {
                format!("{:?}", repository.invalidate(scope, *order, at(now)).await.unwrap())
            }
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Register(sources) => format!("register {sources:?}"),
            Self::Apply(delta) => format!("apply {delta:?}"),
            Self::Order(at) => format!("order at {at}"),
            Self::Invalidate(scope, order) => format!("invalidate {scope:?} in {order:?}"),
        }
    }
}

/// Everything that a repository answers, as text.
async fn answers(repository: &dyn CacheRepository, query: &ArtifactQuery) -> Vec<String> {
    let mut answers = vec![format!("{:?}", repository.registered().await.unwrap())];
    let collections = repository.collections(&CollectionQuery::default()).await.unwrap();
    answers.push(format!("{collections:?}"));
    for source in SOURCES.map(source_name) {
        let mut known: Vec<_> = repository.known(&source).await.unwrap().into_iter().collect();
        known.sort_by(|a, b| a.0.cmp(&b.0));
        answers.push(format!("known of {source}: {known:?}"));
        let found = repository.memberships(&source, &artifact_id("skill:pdf")).await.unwrap();
        answers.push(format!("memberships of {source}: {found:?}"));
    }
    let fresh = query.filter.stale.map_or(since(at(STEPS / 2)), |staleness| staleness.fresh);
    for collection in &collections.collections {
        answers.extend(pages(repository, &collection.id, query).await);
        answers.push(format!("{:?}", repository.stats(&collection.id, fresh).await.unwrap()));
        let facets = repository.facets(&collection.id, &query.filter).await.unwrap();
        answers.push(format!("{} {:?} {facets:?}", collection.id, query.filter));
    }
    answers
}

/// The first page, the one behind it, and the one before that.
async fn pages(
    repository: &dyn CacheRepository,
    collection: &CollectionId,
    query: &ArtifactQuery,
) -> Vec<String> {
    let mut answers = Vec::new();
    let mut query = query.clone();
    for _ in 0..3 {
        let mut page = repository.page(collection, &query).await.unwrap().unwrap();
        // A fingerprint is its home's business: what is known of the source tells it.
        page.rows.iter_mut().for_each(|row| row.artifact.fingerprint = None);
        answers.push(format!("{collection} {query:?} {page:?}"));
        let cursor = |row| Cursor::at(row, collection, &query);
        query.position = match (&query.position, page.rows.first(), page.rows.last()) {
            (Position::Start, _, Some(last)) => Position::After(cursor(last)),
            (_, Some(first), _) => Position::Before(cursor(first)),
            _ => break,
        };
    }
    answers
}

async fn compare(cache: &Cache, seed: u64) {
    let model = MemoryRepository::new();
    let mut dice = Dice(seed);
    let mut steps = vec![Step::Register(SOURCES.map(source).to_vec())];
    for now in 1..=STEPS {
        let step = steps.pop().unwrap_or_else(|| Step::roll(&mut dice, now));
        let (said, expected) = (step.take(&***cache, now).await, step.take(&model, now).await);
        assert_eq!(said, expected, "seed {seed}, step {now}: {}", step.told());
        let query = ArtifactQuery {
            filter: dice.filter(now),
            sort: dice.pick(&[Sort::Name, Sort::UpdatedAt, Sort::Relevance]),
            limit: limit(dice.pick(&[3, 200])),
            position: Position::Start,
        };
        let said = answers(&***cache, &query).await;
        let expected = answers(&model, &query).await;
        for (said, expected) in said.iter().zip(&expected) {
            assert_eq!(said, expected, "seed {seed}, step {now}: {}", step.told());
        }
        assert_eq!(said.len(), expected.len());
    }
}

pub(crate) async fn it_answers_as_the_fake_does_after_any_history(cache: &Cache) {
    compare(cache, 1).await;
}

pub(crate) async fn it_answers_as_the_fake_does_after_another_history(cache: &Cache) {
    compare(cache, 20_260_101).await;
}

pub(crate) async fn it_answers_as_the_fake_does_after_a_third_history(cache: &Cache) {
    compare(cache, 0xCAFE).await;
}
