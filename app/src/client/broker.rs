//! Calls to the broker that windows make.

use std::time::SystemTime;

use portreeve_dbus::{
    ActiveNetwork, ActivitiesProxy, Activity, ActivityFilter, BrokerProxy, CallSpec, Change,
    Destination, Error, Explanation, ListInfo, ListsProxy, Matched, ModeSpec, ModesProxy, NewList,
    OWN_UID, Prompt, PromptsProxy, Rule, RuleChanges, RuleSpec, RulesProxy, SeenProgram, Settings,
    Status, Timeline, list_text,
};
use portreeve_policy::{For, Scope};
use zbus::{Connection, proxy::MethodFlags};

use super::runtime::in_background;

/// A connection on which the broker was last seen. Its methods may be awaited on the main loop.
#[derive(Debug, Clone)]
pub struct Broker {
    connection: Connection,
}

impl Broker {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// Tells that this revision of a prompt is on the screen.
    pub async fn prompt_shown(&self, id: u64, revision: u32) -> Result<(), Error> {
        let connection = self.connection.clone();
        in_background(async move {
            BrokerProxy::new(&connection)
                .await?
                .prompt_shown(id, revision)
                .await
        })
        .await
    }

    /// The broker's state.
    pub async fn status(&self) -> Result<Status, Error> {
        let connection = self.connection.clone();
        in_background(async move { BrokerProxy::new(&connection).await?.status(OWN_UID).await })
            .await
    }

    /// What the administrator has set.
    pub async fn settings(&self) -> Result<Settings, Error> {
        let connection = self.connection.clone();
        in_background(async move { BrokerProxy::new(&connection).await?.settings().await }).await
    }

    /// The networks that are active.
    pub async fn networks(&self) -> Result<Vec<ActiveNetwork>, Error> {
        Ok(self.status().await?.networks.unwrap_or_default())
    }

    /// The open prompts, the oldest first.
    pub async fn prompts(&self) -> Result<Vec<Prompt>, Error> {
        let connection = self.connection.clone();
        in_background(async move { PromptsProxy::new(&connection).await?.list(OWN_UID).await })
            .await
    }

    /// Answers a prompt.
    pub async fn answer(
        &self,
        id: u64,
        revision: u32,
        allow: bool,
        scope: Scope,
        lifespan: For,
    ) -> Result<(), Error> {
        let connection = self.connection.clone();
        let action = if allow { "allow" } else { "deny" };
        in_background(async move {
            PromptsProxy::new(&connection)
                .await?
                .answer(id, revision, action, scope.as_str(), &lifespan.to_string())
                .await
                .map(|_rule| ())
        })
        .await
    }

    /// The rules as they are now.
    pub async fn list_rules(&self) -> Result<Vec<Rule>, Error> {
        self.rules(|rules| async move { rules.list(OWN_UID).await })
            .await
    }

    /// The last changes of rules, the newest first.
    pub async fn changes(&self) -> Result<Vec<Change>, Error> {
        self.rules(|rules| async move { rules.changes(OWN_UID).await })
            .await
    }

    /// Changes rules, all or none; returns the number by which that can be undone.
    pub async fn change_rules(&self, changes: RuleChanges) -> Result<u64, Error> {
        self.rules(move |rules| async move {
            let (change, _added) = rules.change(OWN_UID, &changes).await?;
            Ok(change)
        })
        .await
    }

    /// Changes rules and lists, all or none; returns the number by which that can be undone.
    pub async fn change_lists(
        &self,
        changes: RuleChanges,
        keep: Vec<NewList>,
    ) -> Result<u64, Error> {
        let connection = self.connection.clone();
        in_background(async move {
            let lists = ListsProxy::new(&connection).await?;
            let (change, _added) = lists.change(OWN_UID, &changes, keep, &[]).await?;
            Ok(change)
        })
        .await
    }

    /// The user's lists.
    pub async fn list_infos(&self) -> Result<Vec<ListInfo>, Error> {
        let connection = self.connection.clone();
        in_background(async move { ListsProxy::new(&connection).await?.list(OWN_UID).await }).await
    }

    /// The user's lists and their texts: of these names, or all.
    pub async fn lists(
        &self,
        names: Option<Vec<String>>,
    ) -> Result<Vec<(ListInfo, String)>, Error> {
        let connection = self.connection.clone();
        in_background(async move {
            let lists = ListsProxy::new(&connection).await?;
            let mut found = Vec::new();
            for info in lists.list(OWN_UID).await? {
                if names
                    .as_ref()
                    .is_none_or(|names| names.contains(&info.name))
                {
                    let text = list_text(&lists, OWN_UID, &info.name).await?;
                    found.push((info, text));
                }
            }
            Ok(found)
        })
        .await
    }

    /// Has a built-in rule say something else. The user may be asked for a password.
    pub async fn set_built_in(&self, rule: String, action: &'static str) -> Result<(), Error> {
        self.rules(move |rules| async move { rules.set_built_in(OWN_UID, &rule, action).await })
            .await
    }

    /// Undoes a change of rules.
    pub async fn undo(&self, change: u64) -> Result<(), Error> {
        self.rules(move |rules| async move { rules.undo(OWN_UID, change).await.map(|_change| ()) })
            .await
    }

    /// Sets the mode. The user may be asked for a password.
    pub async fn set_mode(&self, mode: ModeSpec) -> Result<(), Error> {
        let connection = self.connection.clone();
        in_background(async move {
            let modes = ModesProxy::new(&connection).await?;
            let flags = MethodFlags::ALLOW_INTERACTIVE_AUTH;
            let body = (OWN_UID, mode);
            let reply = modes.inner().call_with_flags("Set", flags, &body).await;
            reply.map(|_done: Option<()>| ()).map_err(Error::from)
        })
        .await
    }

    /// A page of what programs did, the newest first, and where the next one begins, which is empty if there
    /// is none. `before` is empty for the first page.
    pub async fn activity(
        &self,
        filter: ActivityFilter,
        before: String,
    ) -> Result<(Vec<Activity>, String), Error> {
        let connection = self.connection.clone();
        in_background(async move {
            let activities = ActivitiesProxy::new(&connection).await?;
            activities.list(OWN_UID, &filter, &before, 0).await
        })
        .await
    }

    /// Has all that programs did forgotten.
    pub async fn clear_activity(&self) -> Result<(), Error> {
        let connection = self.connection.clone();
        in_background(async move {
            let activities = ActivitiesProxy::new(&connection).await?;
            activities.clear(OWN_UID).await
        })
        .await
    }

    /// The programs that were seen, the last ones first.
    pub async fn programs(&self) -> Result<Vec<SeenProgram>, Error> {
        let connection = self.connection.clone();
        in_background(async move {
            let activities = ActivitiesProxy::new(&connection).await?;
            activities.programs(OWN_UID).await
        })
        .await
    }

    /// How many calls there were, in so many parts of the time that the filter names.
    pub async fn timeline(&self, filter: ActivityFilter, parts: u32) -> Result<Timeline, Error> {
        let connection = self.connection.clone();
        in_background(async move {
            let activities = ActivitiesProxy::new(&connection).await?;
            activities.timeline(OWN_UID, &filter, parts).await
        })
        .await
    }

    /// The same of each of these programs.
    pub async fn timelines(
        &self,
        filter: ActivityFilter,
        programs: Vec<String>,
        parts: u32,
    ) -> Result<Vec<Timeline>, Error> {
        let connection = self.connection.clone();
        in_background(async move {
            let activities = ActivitiesProxy::new(&connection).await?;
            let counted = activities.timelines(OWN_UID, &filter, &programs, parts);
            counted.await
        })
        .await
    }

    /// A page of what a program has connected to and listens on, the last ones first, and where the next one begins, as
    /// [`Self::activity`] has it.
    pub async fn destinations(
        &self,
        program: String,
        before: String,
    ) -> Result<(Vec<Destination>, String), Error> {
        let connection = self.connection.clone();
        in_background(async move {
            let activities = ActivitiesProxy::new(&connection).await?;
            let page = activities.destinations(OWN_UID, &program, &before, 0);
            page.await
        })
        .await
    }

    /// Which calls of the last days a rule would have been about.
    pub async fn matches(&self, rule: RuleSpec) -> Result<Matched, Error> {
        let connection = self.connection.clone();
        let since = Matched::days_before(SystemTime::now());
        in_background(async move {
            let activities = ActivitiesProxy::new(&connection).await?;
            activities.matches(OWN_UID, &rule, since).await
        })
        .await
    }

    /// What would become of a call now, and by which rules.
    pub async fn explain(&self, call: CallSpec) -> Result<Explanation, Error> {
        self.rules(|rules| async move { rules.explain(OWN_UID, &call).await })
            .await
    }

    async fn rules<T, F>(
        &self,
        call: impl FnOnce(RulesProxy<'static>) -> F + Send + 'static,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send,
    {
        let connection = self.connection.clone();
        in_background(async move { call(RulesProxy::new(&connection).await?).await }).await
    }
}
