//! Refreshes of one source, one after the other and shared by their callers.
//!
//! A caller joins only a run whose scan has not begun, so that what it changed before calling is in
//! what it gets.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::watch;

use super::{Error, Larder, RefreshOptions, lock};
use crate::{
    domain::{id::SourceName, report::SourceReport},
    ports::Pace,
};

pub(super) type Outcome = Result<Arc<SourceReport>, Error>;

/// What waits to be run for one source.
#[derive(Default)]
pub(super) struct Lane {
    pending: VecDeque<Pending>,
}

/// A run that was asked for.
pub(super) struct Run(watch::Receiver<Option<Outcome>>);

impl Run {
    /// Waits for its end.
    pub(super) async fn outcome(mut self) -> Outcome {
        let outcome = self.0.wait_for(Option::is_some).await.map_err(|_| Error::Interrupted)?;
        outcome.clone().unwrap_or(Err(Error::Interrupted))
    }
}

struct Pending {
    options: RefreshOptions,
    outcome: watch::Sender<Option<Outcome>>,
}

impl Lane {
    /// Joins a waiting run, or adds one. `force` is or-ed into it; a run with a confirmation is
    /// shared only with callers who gave the same, and one that may find nothing to do only with
    /// those whom that suits.
    fn enqueue(&mut self, options: RefreshOptions) -> watch::Receiver<Option<Outcome>> {
        let same = |run: &&mut Pending| {
            let Pending { options: waiting, .. } = run;
            waiting.confirm_removals == options.confirm_removals
                && (waiting.if_due.is_none() || waiting.if_due == options.if_due)
        };
        if let Some(run) = self.pending.iter_mut().find(same) {
            run.options.force |= options.force;
            if options.pace == Pace::Swift {
                run.options.pace = Pace::Swift;
            }
            return run.outcome.subscribe();
        }
        let (outcome, receiver) = watch::channel(None);
        self.pending.push_back(Pending { options, outcome });
        receiver
    }
}

impl Larder {
    /// Asks for a refresh of a source in a run that begins after this call. The run takes place
    /// whether or not its outcome is awaited.
    pub(super) fn enqueue(self: &Arc<Self>, source: &SourceName, options: RefreshOptions) -> Run {
        let mut lanes = lock(&self.lanes);
        // A lane stands in the map as long as somebody works it off.
        let idle = !lanes.contains_key(source);
        let receiver = lanes.entry(source.clone()).or_default().enqueue(options);
        if idle {
            tokio::spawn(Arc::clone(self).work_off(source.clone()));
        }
        Run(receiver)
    }

    /// Runs what waits in a source's lane until nothing does.
    async fn work_off(self: Arc<Self>, source: SourceName) {
        while let Some(run) = self.next_run(&source) {
            let (larder, name) = (Arc::clone(&self), source.clone());
            let outcome =
                self.detached(async move { larder.run_refresh(&name, run.options).await }).await;
            run.outcome.send_replace(Some(outcome.map(Arc::new)));
        }
        self.refreshed.notify_one();
    }

    fn next_run(&self, source: &SourceName) -> Option<Pending> {
        let mut lanes = lock(&self.lanes);
        let run = lanes.get_mut(source)?.pending.pop_front();
        if run.is_none() {
            lanes.remove(source);
        }
        run
    }
}
