//! Curated collections: making, changing and deleting them, and their members.

use std::sync::Arc;

use ulid::Ulid;

use super::{Error, Larder, RefreshOptions, chain};
use crate::domain::{
    caller::Caller,
    collection::{Collection, CollectionKind},
    curated::{Added, CollectionEdit, Naming, NewCollection},
    delta::Scope,
    freshness::{FreshRange, is_worth_a_scan},
    id::{ArtifactId, CollectionId},
};

/// How long a member is kept whose artifact is gone.
const MISSING_KEPT: chrono::Duration = chrono::Duration::days(30);

/// Most artifacts of one addition that are looked for in the files.
const MOST_SOUGHT: usize = 32;

impl Larder {
    /// Makes an empty collection that belongs to the caller.
    pub async fn create_collection(
        &self,
        new: &NewCollection,
        caller: &Caller,
    ) -> Result<Collection, Error> {
        let now = self.now();
        let id = CollectionId::of_curated(Ulid::from_datetime(now.into()));
        let owner = caller.name.as_deref();
        match self.ports.cache.create_collection(&id, new, owner, now).await? {
            Naming::Taken => Err(Error::NameTaken(new.name.as_str().to_owned())),
            Naming::Done | Naming::Unknown => self.collection(id.as_str()).await,
        }
    }

    /// Renames a curated collection, describes it, or both.
    pub async fn change_collection(
        &self,
        id_or_name: &str,
        edit: &CollectionEdit,
        caller: &Caller,
    ) -> Result<Collection, Error> {
        let collection = self.curated_of(id_or_name, caller).await?;
        match (self.ports.cache.change_collection(&collection.id, edit).await?, &edit.name) {
            (Naming::Taken, Some(name)) => Err(Error::NameTaken(name.as_str().to_owned())),
            _ => self.collection(collection.id.as_str()).await,
        }
    }

    /// Deletes a curated collection, the mirror of a source that the configuration no longer covers,
    /// or one that is empty, as when its directory is gone for good; it comes back with the directory.
    /// No file is touched.
    pub async fn delete_collection(&self, id_or_name: &str, caller: &Caller) -> Result<(), Error> {
        let collection = self.collection(id_or_name).await?;
        let is_left_over = collection.kind == CollectionKind::Mirror
            && (collection.detached || collection.artifact_count == 0);
        if collection.kind != CollectionKind::Curated && !is_left_over {
            return Err(Error::FollowsFiles(collection.name));
        }
        check_owner(&collection, caller)?;
        if self.ports.cache.delete_collection(&collection.id).await? {
            return Ok(());
        }
        // Deleted by somebody else meanwhile, or its directory is back.
        let collection = self.collection(collection.id.as_str()).await?;
        Err(Error::FollowsFiles(collection.name))
    }

    /// Adds artifacts of `default` to a curated collection, and reads them anew. What `default` does
    /// not hold yet is looked for in the files, as when it is asked for by id. Files that cannot be
    /// read fail nothing: the new members then are stale.
    pub async fn add_artifacts(
        self: &Arc<Self>,
        id_or_name: &str,
        artifacts: Vec<ArtifactId>,
        caller: &Caller,
    ) -> Result<Added, Error> {
        let collection = self.curated_of(id_or_name, caller).await?;
        let larder = Arc::clone(self);
        self.detached(async move {
            let mut added = larder.add(&collection, &artifacts).await?;
            // What was added stays so, whatever comes of the others.
            match larder.seek_and_add(&collection, &added.not_found).await {
                Ok(Some(found)) => added = added.and(found),
                Ok(None) => {}
                Err(error) => {
                    let collection = &collection.id;
                    tracing::warn!(%collection, error = chain(&error), "not all were looked for");
                }
            }
            if let Err(error) = larder.load_members(&collection, &added.added).await {
                let collection = collection.id;
                tracing::warn!(%collection, error = chain(&error), "new members stay stale");
            }
            Ok(added)
        })
        .await
    }

    /// Takes an artifact out of a curated collection. Its row in `default` is read again next.
    pub async fn remove_artifact(
        self: &Arc<Self>,
        id_or_name: &str,
        id: &ArtifactId,
        caller: &Caller,
    ) -> Result<(), Error> {
        let collection = self.curated_of(id_or_name, caller).await?;
        let (larder, id) = (Arc::clone(self), id.clone());
        self.detached(async move {
            let (cache, now) = (&larder.ports.cache, larder.now());
            if !cache.remove_member(&collection.id, &id, now).await? {
                return Err(Error::UnknownArtifact { collection: collection.id, id });
            }
            let scope = Scope::Artifact(CollectionId::default_collection(), id);
            if let Err(error) = larder.invalidate(&scope).await {
                tracing::warn!(error = chain(&error), "a removed member was not invalidated");
            }
            Ok(())
        })
        .await
    }

    /// Takes away the members of curated collections whose artifacts have been gone for 30 days.
    /// Answers how many.
    pub async fn purge_missing(&self) -> Result<u64, Error> {
        Ok(self.ports.cache.purge_missing(self.now() - MISSING_KEPT).await?)
    }

    /// The curated collection of that id, else of that name, which the caller may change.
    async fn curated_of(&self, id_or_name: &str, caller: &Caller) -> Result<Collection, Error> {
        let collection = self.collection(id_or_name).await?;
        if collection.kind != CollectionKind::Curated {
            return Err(Error::FollowsFiles(collection.name));
        }
        check_owner(&collection, caller)?;
        Ok(collection)
    }

    async fn add(&self, to: &Collection, artifacts: &[ArtifactId]) -> Result<Added, Error> {
        let order = self.next_order().await?;
        let added = self.ports.cache.add_members(&to.id, artifacts, order, self.now()).await?;
        added.ok_or_else(|| Error::UnknownCollection(to.name.clone()))
    }

    /// Adds those of some artifacts that the files hold, if there are any.
    async fn seek_and_add(
        self: &Arc<Self>,
        to: &Collection,
        artifacts: &[ArtifactId],
    ) -> Result<Option<Added>, Error> {
        let found = self.seek(artifacts).await?;
        if found.is_empty() { Ok(None) } else { self.add(to, &found).await.map(Some) }
    }

    /// Those of some artifacts that the files hold.
    async fn seek(self: &Arc<Self>, artifacts: &[ArtifactId]) -> Result<Vec<ArtifactId>, Error> {
        let mut found = Vec::new();
        if artifacts.is_empty() {
            return Ok(found);
        }
        let default = self.collection(CollectionId::default_collection().as_str()).await?;
        for id in artifacts.iter().take(MOST_SOUGHT) {
            match self.load_missing(&default, id).await {
                Ok(_) => found.push(id.clone()),
                Err(Error::UnknownArtifact { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Reads new members from their files.
    async fn load_members(
        self: &Arc<Self>,
        collection: &Collection,
        members: &[ArtifactId],
    ) -> Result<(), Error> {
        let cache = &self.ports.cache;
        if !is_worth_a_scan(members.len()) {
            let mut rows = Vec::with_capacity(members.len());
            for id in members {
                rows.extend(cache.artifact(&collection.id, id).await?);
            }
            return self.refresh_rows(&rows).await.map(drop);
        }
        // Which all of the members are.
        let sources = cache.stale_sources(&collection.id, FreshRange::ALWAYS).await?;
        let runs: Vec<_> = sources
            .iter()
            .map(|stale| self.enqueue(&stale.source, RefreshOptions::default()))
            .collect();
        for run in runs {
            run.outcome().await?;
        }
        Ok(())
    }
}

fn check_owner(collection: &Collection, caller: &Caller) -> Result<(), Error> {
    if collection.is_changed_by(caller) {
        return Ok(());
    }
    Err(Error::NotYours(collection.name.clone()))
}
